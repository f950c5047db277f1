// The page: what is clicked and typed, and what happens then.

import { ReplyError, embed, settings } from "./api.js";
import * as programs from "./code.js";
import { FAULTS, counted, lessonsOf, linkOf, linked, surelyLonger, textsOf } from "./request.js";
import { byId, make, rank, showHeatmap, showRanking, similarities } from "./results.js";

const server = await settings().catch((error) => {
  byId("summary").textContent = "The server does not respond.";
  throw error;
});
let running;

const isLong = (text) => surelyLonger(text, server.max_tokens);

// What the fields ask for. The query goes with the texts; faults joined by + apply together.
function wanted() {
  const { texts, left } = textsOf(byId("texts").value);
  const query = byId("query").value.trim();
  const faults = [...document.querySelectorAll("#switches :checked, #words")].map((field) => field.value.trim());
  return { texts, left, query, inputs: query ? [...texts, query] : texts, fault: faults.filter(Boolean).join(" + ") };
}

// A new request ends the one under way: only the last one's response counts.
async function ask({ texts, left, query, inputs, fault }) {
  running?.abort();
  running = new AbortController();
  for (const id of ["heat", "ranking", "reading"]) byId(id).replaceChildren();
  if (!texts.length) throw new ReplyError("There is no text to embed.");
  byId("lessons").replaceChildren(...lessonsOf(fault).map((lesson) => make("li", {}, lesson)));
  byId("error").hidden = true;
  byId("summary").textContent = "Waiting for the vectors …";
  const key = server.key ?? byId("key").value;
  const { vectors, facts } = await embed(inputs, { ...server, key, fault, signal: running.signal });
  byId("summary").textContent = `Embedded ${counted({ texts, left })}.`;
  showFacts(facts);
  const ofTexts = vectors.slice(0, texts.length);
  showHeatmap(byId("heat"), byId("reading"), texts, similarities(ofTexts), isLong);
  if (query) showRanking(byId("ranking"), texts, rank(vectors[texts.length], ofTexts));
}

const run = (changes) => ask({ ...wanted(), ...changes }).catch(showError);

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

function showRequest() {
  const { inputs, fault, ...found } = wanted();
  const long = found.texts.flatMap((text, index) => (isLong(text) ? [index + 1] : []));
  byId("texts-count").textContent = counted(found);
  byId("long").textContent = long.length
    ? `Longer than the ${server.max_tokens} tokens that the model in the request reads: text ${long.join(", ")}. What the service does with the rest is not known.`
    : "";
  const language = document.querySelector("#languages :checked").value;
  const program = programs[language]({ base: location.origin, ...server, fault, texts: inputs });
  byId("code").replaceChildren(
    ...programs.highlighted(program).map(([kind, part]) => (kind ? make("span", { class: kind }, part) : part)),
  );
  byId("openai-hint").hidden = language !== "openai" || server.openai;
}

function showSwitches() {
  const entry = ([name, fault]) =>
    make("li", {}, make("label", { title: fault }, make("input", { type: "checkbox", role: "switch", value: fault }), name));
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
  const link = linkOf(wanted().texts, byId("query").value);
  if (!link) return byId("linked").replaceChildren("Too long for a link.");
  history.replaceState(null, "", link);
  copy(location.href, byId("linked"), () => "It is in the address bar.");
}

function restore() {
  const found = linked(location.hash);
  if (found) for (const id of ["texts", "query"]) byId(id).value = found[id];
  showRequest();
  if (server.key) run({ fault: "ok" }); // not the server's script: looking at the page does not move it on
}

byId("engine").textContent = server.engine;
byId("meaning").textContent = [`${server.dimension} dimensions`, server.meaning].filter(Boolean).join(": ");
byId("key-field").hidden = server.key !== null;
showSwitches();
restore();
byId("ask").addEventListener("input", showRequest);
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
byId("switches").addEventListener("change", () => run());
byId("copy").addEventListener("click", copyProgram);
byId("link").addEventListener("click", copyLink);
addEventListener("hashchange", restore);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  byId("ask").requestSubmit();
});
document.documentElement.dataset.ready = "";
