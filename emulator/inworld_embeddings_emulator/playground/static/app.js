// The page: what is clicked and typed, and what happens then.

import { ReplyError, embed, settings } from "./api.js";
import * as programs from "./code.js";
import { byId, make, rove } from "./dom.js";
import { FAULTS, counted, lessonsOf, linkOf, linked, scriptOf, surelyLonger, textsOf } from "./request.js";
import { rank, rounded, showHeatmap, showRanking, similarities } from "./results.js";

const server = await settings().catch((error) => {
  byId("summary").textContent = "The server does not respond.";
  throw error;
});
const tabs = [...document.querySelectorAll("[role=tab]")];
const held = { texts: [], vectors: [] }; // what is shown
let running;
let language = "curl";

const key = () => server.key ?? byId("key").value;
const script = () => scriptOf(byId("switches"), byId("words").value);
const vectorsOf = ({ length }) => `${length} ${length === 1 ? "vector" : "vectors"}`;
const summary = () => `${vectorsOf(held.texts)} of ${server.dimension} dimensions.`;
const isLong = (text) => surelyLonger(text, server.max_tokens);

// A new request ends the one under way: only the last one's response counts.
async function ask(texts, what, fault) {
  running?.abort();
  running = new AbortController();
  byId("summary").textContent = `Waiting for ${what} …`;
  byId("error").hidden = true;
  byId("lessons").replaceChildren(...lessonsOf(fault).map((lesson) => make("li", {}, lesson)));
  return embed(texts, { ...server, key: key(), fault, signal: running.signal });
}

function showFacts(facts) {
  const known = Object.entries(facts).filter(([, value]) => value);
  byId("facts").replaceChildren(...known.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function showError(error) {
  if (error.name === "AbortError") return;
  byId("summary").textContent = "No vectors.";
  byId("error").textContent = error instanceof ReplyError ? error.message : `${error.name}: ${error.message}`;
  byId("error").hidden = false;
  showFacts(error.facts ?? {});
}

function forget() {
  for (const id of ["heat", "ranking", "heat-reading"]) byId(id).replaceChildren();
  Object.assign(held, { texts: [], vectors: [] });
}

async function embedTexts(fault) {
  const { texts } = textsOf(byId("texts").value);
  forget();
  if (!texts.length) throw new ReplyError("There is no text to embed.");
  const { vectors, facts } = await ask(texts, vectorsOf(texts), fault);
  Object.assign(held, { texts, vectors });
  byId("summary").textContent = summary();
  showFacts(facts);
  const scale = showHeatmap(byId("heat"), byId("heat-reading"), texts, similarities(vectors), isLong);
  ["least", "most"].forEach((id, index) => byId(id).replaceChildren(rounded(scale[index])));
}

const fresh = () => held.texts.length > 0 && held.texts.join("\n") === textsOf(byId("texts").value).texts.join("\n");

async function search(fault) {
  const query = byId("query").value.trim();
  byId("ranking").replaceChildren();
  if (!query) throw new ReplyError("There is nothing to search for.");
  if (!fresh()) await embedTexts(fault);
  const { vectors } = await ask([query], "the query's vector", fault);
  byId("summary").textContent = summary();
  showRanking(byId("ranking"), held.texts, rank(vectors[0], held.vectors));
}

// The texts anew, and ranked if there is something to rank them by.
async function embedAll(fault) {
  await embedTexts(fault);
  if (byId("query").value.trim()) await search(fault);
}

const run = (action, fault = script()) => action(fault).catch(showError);

function showRequest() {
  const found = textsOf(byId("texts").value);
  const long = found.texts.flatMap((text, index) => (isLong(text) ? [index + 1] : []));
  byId("texts-count").textContent = counted(found);
  byId("long").textContent = long.length
    ? `Longer than the ${server.max_tokens} tokens that the model in the request reads: text ${long.join(", ")}. What the service does with the rest is not known.`
    : "";
  const program = programs[language]({ base: location.origin, ...server, fault: script(), texts: found.texts });
  byId("code").replaceChildren(
    ...programs.highlighted(program).map(([kind, part]) => (kind ? make("span", { class: kind }, part) : part)),
  );
}

function showTab(index) {
  language = tabs[index].id.replace("tab-", "");
  tabs.forEach((tab, other) => tab.setAttribute("aria-selected", other === index));
  byId("code").setAttribute("aria-labelledby", tabs[index].id);
  byId("openai-hint").hidden = language !== "openai" || server.openai;
  showRequest();
}

function faultsChanged() {
  showRequest();
  byId("faults-state").textContent = script() ? `The next requests ask for: ${script()}` : "";
}

function showSwitches() {
  const entry = ([name, fault]) => {
    const input = make("input", { type: "checkbox", role: "switch", value: fault });
    input.addEventListener("change", faultsChanged);
    return make("li", {}, make("label", { title: fault }, input, name));
  };
  byId("switches").replaceChildren(...FAULTS.map(entry));
}

async function copy(text, place, otherwise) {
  try {
    await navigator.clipboard.writeText(text);
    place.textContent = "Copied.";
  } catch {
    place.textContent = otherwise();
  }
}

function copyProgram() {
  copy(byId("code").textContent, byId("copied"), () => {
    getSelection().selectAllChildren(byId("code"));
    return "Selected. Copy it with Ctrl+C.";
  });
}

function copyLink() {
  const link = linkOf(textsOf(byId("texts").value).texts, byId("query").value);
  if (!link) return byId("linked").replaceChildren("Too long for a link.");
  history.replaceState(null, "", link);
  copy(location.href, byId("linked"), () => "It is in the address bar.");
}

function restore() {
  const found = linked(location.hash);
  if (found) for (const id of ["texts", "query"]) byId(id).value = found[id];
  showRequest();
  if (server.key) run(embedAll, "ok"); // not the server's script: looking at the page does not move it on
}

byId("engine").textContent = server.engine;
byId("meaning").textContent = [`${server.dimension} dimensions`, server.meaning].filter(Boolean).join(": ");
byId("key-field").hidden = server.key !== null;
showSwitches();
rove(tabs, 1, showTab);
showTab(0);
for (const id of ["embed", "again"]) byId(id).addEventListener("click", () => run(embedAll));
byId("search").addEventListener("click", () => run(search));
byId("texts").addEventListener("input", showRequest);
byId("words").addEventListener("change", faultsChanged);
byId("copy").addEventListener("click", copyProgram);
byId("link").addEventListener("click", copyLink);
addEventListener("hashchange", restore);
document.addEventListener("keydown", (event) => {
  const all = event.ctrlKey || event.metaKey;
  if (event.key !== "Enter" || event.isComposing || !(all || event.target.id === "query")) return;
  event.preventDefault();
  run(all ? embedAll : search);
});
restore();
document.documentElement.dataset.ready = "";
