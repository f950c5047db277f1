// The request in words that run: a cURL command and a Python program. Pure.

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
