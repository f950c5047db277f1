// What is asked for: the texts in the box, the faults, and both as a request to copy.

import { make } from "./dom.js";

// One text a line, and no more than the page can show.
export const MOST_TEXTS = 50;
export const MOST_CHARACTERS = 50_000;

export function textsOf(value) {
  const lines = value.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  const texts = [];
  let room = MOST_CHARACTERS;
  for (const line of lines.slice(0, MOST_TEXTS)) {
    if (line.length > room) break;
    room -= line.length;
    texts.push(line);
  }
  return { texts, left: lines.length - texts.length };
}

export const counted = ({ texts, left }) =>
  `${texts.length} ${texts.length === 1 ? "text" : "texts"}${left ? `, ${left} left out` : ""}`;

const SWITCHES = [
  ["Rate limited", "rate-limit;retry-after=2"],
  ["Unavailable", "status=503"],
  ["A proxy's page", "html=502"],
  ["Slow", "latency=800ms"],
  ["Connection dropped", "drop"],
  ["Answer cut off", "truncate=50%"],
  ["A vector too few", "short"],
  ["NaN in a vector", "nan"],
  ["Wrong dimension", "dimension=8"],
  ["Two vectors swapped", "swap"],
];

export function showSwitches(list, changed) {
  const entries = SWITCHES.map(([name, fault]) => {
    const input = make("input", { type: "checkbox", role: "switch", value: fault });
    input.addEventListener("change", changed);
    return make("li", {}, make("label", { title: fault }, input, name));
  });
  list.replaceChildren(...entries);
}

// Faults joined by + apply together.
export const scriptOf = (list, words) =>
  [...[...list.querySelectorAll("input:checked")].map((input) => input.value), words.trim()].filter(Boolean).join(" + ");

// The request in words that run: a cURL command and a Python program.
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// A JSON string is a Python string too.
const literal = (text) => JSON.stringify(text);

// `key` is the published test key. Another one is never shown: both read it from the environment.
export function curl({ url, body, key, fault }) {
  const who = key ? `-u ${quoted(key)}` : '-H "authorization: Basic $INWORLD_API_KEY"';
  const parts = [`curl ${quoted(url)}`, who, "-H 'content-type: application/json'"];
  if (fault) parts.push(`-H ${quoted(`x-inworld-emulator-fault: ${fault}`)}`);
  return [...parts, `-d ${quoted(body)}`].join(" \\\n  ");
}

export function python({ base, texts, key, fault }) {
  const imports = ["from inworld_embeddings import EmbeddingClient"];
  const options = [`base_url=${literal(base)}`];
  if (key) options.push(`api_key=${literal(btoa(key))}`);
  const before = [];
  if (fault) {
    imports.unshift("import httpx", "");
    before.push(`http_client = httpx.AsyncClient(headers={"x-inworld-emulator-fault": ${literal(fault)}})`);
    options.push("http_client=http_client");
  }
  return [
    ...imports,
    "",
    ...(key ? [] : ["# The key is in the environment: INWORLD_API_KEY"]),
    "texts = [",
    ...texts.map((text) => `    ${literal(text)},`),
    "]",
    ...before,
    `with EmbeddingClient(${options.join(", ")}) as client:`,
    "    result = client.embed(texts)",
    "print(result.vectors.shape, result.engine)",
    "",
  ].join("\n");
}
