// The request as programs that run as they are, and the colours of their words.

import { EMBED, FAULT, bodyOf } from "./api.js";

// A JSON string is one of Python and of JavaScript too.
const literal = (text) => JSON.stringify(text);
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const listed = (texts) => `texts = [\n${texts.map((text) => `    ${literal(text)},\n`).join("")}]\n`;

// `key` is the published test key. Another one is never shown: the programs read it from the environment.
export function curl({ base, texts, model, key, fault }) {
  const who = key ? `-u ${quoted(key)}` : '-H "authorization: Basic $INWORLD_API_KEY"';
  const parts = [`curl ${quoted(base + EMBED)}`, who, "-H 'content-type: application/json'"];
  if (fault) parts.push(`-H ${quoted(`${FAULT}: ${fault}`)}`);
  return [...parts, `-d ${quoted(bodyOf(texts, model))}`].join(" \\\n  ");
}

export function python({ base, texts, key, fault }) {
  const options = [`base_url=${literal(base)}`];
  if (key) options.push(`api_key=${literal(btoa(key))}`);
  if (fault) options.push("http_client=http_client");
  return `${fault ? "import httpx\n\n" : ""}from inworld_embeddings import EmbeddingClient

${key ? "" : "# The key is in the environment: INWORLD_API_KEY\n"}${listed(texts)}${
    fault ? `http_client = httpx.AsyncClient(headers={"${FAULT}": ${literal(fault)}})\n` : ""
  }with EmbeddingClient(${options.join(", ")}) as client:
    result = client.embed(texts)
print(result.vectors.shape, result.engine)
`;
}

export function node({ base, texts, model, key, fault }) {
  const who = key ? literal(`Basic ${btoa(key)}`) : "`Basic ${process.env.INWORLD_API_KEY}`";
  return `// Saved as embed.mjs: node embed.mjs
const ${listed(texts)}const response = await fetch(${literal(base + EMBED)}, {
  method: "POST",
  headers: {
    authorization: ${who},
    "content-type": "application/json",${fault ? `\n    "${FAULT}": ${literal(fault)},` : ""}
  },
  body: JSON.stringify({ inputs: texts.map((text) => ({ text })), model: ${literal(model)} }),
});
if (!response.ok) throw new Error(\`\${response.status}: \${await response.text()}\`);
const { embeddings } = await response.json();
console.log(embeddings.length, embeddings[0]?.values.length);
`;
}

export function openai({ base, texts, model, key, fault }) {
  const options = [`base_url="${base}/v1"`, `api_key=${key ? literal(key) : 'os.environ["INWORLD_API_KEY"]'}`];
  if (fault) options.push(`default_headers={"${FAULT}": ${literal(fault)}}`);
  return `${key ? "" : "import os\n\n"}from openai import OpenAI

${listed(texts)}client = OpenAI(${options.join(", ")})
response = client.embeddings.create(model=${literal(model.model)}, input=texts)
print(len(response.data), len(response.data[0].embedding))
`;
}

const WORDS = "as|await|const|curl|from|if|import|new|throw|with";
const TOKEN = RegExp(String.raw`((?:#|//)[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|${"`(?:\\\\.|[^`\\\\])*`"}|\\'|\b(?:${WORDS})\b)`);
const kind = (token) => (/^[#/]/.test(token) ? "comment" : /^\w/.test(token) ? "word" : "string");

// The parts of a program, each as [kind, part].
export const highlighted = (program) =>
  program.split(TOKEN).map((part, index) => [index % 2 ? kind(part) : "", part]);
