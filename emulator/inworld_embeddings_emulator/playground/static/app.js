// The page: what is clicked and typed, and what happens then.

import { ReplyError, bodyOf, embed, EMBED, settings } from "./api.js";
import { byId, make } from "./dom.js";
import { counted, curl, python, scriptOf, showSwitches, textsOf } from "./request.js";
import { clearMap, showHeatmap, showMap, showRanking } from "./results.js";
import { plane, rank, similarities } from "./vectors.js";

const server = await settings().catch((error) => {
  byId("summary").textContent = "The server does not answer.";
  throw error;
});
const results = ["heat", "map", "ranking"].map(byId);
const empty = results.map((place) => [...place.childNodes]);
const held = { texts: [], vectors: [] }; // what is shown
let running;

const key = () => server.key ?? byId("key").value;
const script = () => scriptOf(byId("switches"), byId("words").value);

// A new request ends the one under way: only the last one's answer counts.
async function ask(texts, what) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  byId("summary").textContent = `Waiting for ${what} …`;
  byId("error").hidden = true;
  const answer = await embed(texts, { key: key(), fault: script(), dimension: server.dimension, signal });
  byId("summary").textContent = `Here ${texts.length === 1 ? "is" : "are"} ${what}, of ${server.dimension} dimensions.`;
  showFacts(answer.facts);
  return answer.vectors;
}

function showFacts(facts) {
  const known = Object.entries(facts).filter(([, value]) => value);
  byId("facts").replaceChildren(...known.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  byId("facts").hidden = known.length === 0;
}

function showError(error) {
  if (error.name === "AbortError") return;
  byId("summary").textContent = "No vectors.";
  byId("error").textContent = error instanceof ReplyError ? error.message : `${error.name}: ${error.message}`;
  byId("error").hidden = false;
  showFacts(error.facts ?? {});
}

function forget() {
  clearMap(byId("map"));
  results.forEach((place, index) => place.replaceChildren(...empty[index]));
  for (const id of ["heat-reading", "map-reading", "map-kept"]) byId(id).textContent = "";
  Object.assign(held, { texts: [], vectors: [] });
}

async function embedTexts() {
  const { texts } = textsOf(byId("texts").value);
  forget();
  if (!texts.length) throw new ReplyError("There is no text to embed.");
  const vectors = await ask(texts, texts.length === 1 ? "1 vector" : `${texts.length} vectors`);
  Object.assign(held, { texts, vectors });
  showHeatmap(byId("heat"), byId("heat-reading"), texts, similarities(vectors));
  const { points, kept } = plane(vectors);
  byId("map-kept").textContent = `They hold ${Math.round(kept * 100)} % of the variance.`;
  showMap(byId("map"), byId("map-reading"), texts, points);
}

const fresh = () => held.texts.length > 0 && held.texts.join("\n") === textsOf(byId("texts").value).texts.join("\n");

async function search() {
  const query = byId("query").value.trim();
  byId("ranking").replaceChildren();
  if (!query) throw new ReplyError("There is nothing to search for.");
  if (!fresh()) await embedTexts();
  const [vector] = await ask([query], "the query's vector");
  showRanking(byId("ranking"), held.texts, rank(vector, held.vectors));
}

async function run(action) {
  try {
    await action();
  } catch (error) {
    showError(error);
  }
}

function showRequest() {
  const found = textsOf(byId("texts").value);
  byId("texts-count").textContent = counted(found);
  const request = { base: location.origin, url: location.origin + EMBED, key: server.key, fault: script() };
  byId("curl").textContent = curl({ ...request, body: bodyOf(found.texts) });
  byId("python").textContent = python({ ...request, texts: found.texts });
}

function faultsChanged() {
  showRequest();
  byId("faults-state").textContent = script() ? `This page's requests ask for: ${script()}` : "";
}

async function copy(name) {
  const from = byId(name);
  try {
    await navigator.clipboard.writeText(from.textContent);
    byId("copied").textContent = `Copied: ${byId(`${name}-title`).textContent}.`;
  } catch {
    getSelection().selectAllChildren(from);
    byId("copied").textContent = "Selected. Copy it with Ctrl+C.";
  }
}

const enter = (action) => (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  run(action);
};

byId("engine").textContent = server.engine;
byId("meaning").textContent = [`${server.dimension} dimensions`, server.meaning].filter(Boolean).join(": ");
byId("key-field").hidden = server.key !== null;
showSwitches(byId("switches"), faultsChanged);
byId("embed").addEventListener("click", () => run(embedTexts));
byId("search").addEventListener("click", () => run(search));
byId("query").addEventListener("keydown", enter(search));
byId("texts").addEventListener("input", showRequest);
byId("words").addEventListener("change", faultsChanged);
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button.dataset.copy));
}
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    run(embedTexts);
  }
});
showRequest();
document.documentElement.dataset.ready = "";
