// Asks this server, and no other, and believes no response before it is checked.

export const EMBED = "/ml/v1alpha/embedding:embed";

export class ReplyError extends Error {
  constructor(message, facts = {}) {
    super(message);
    this.facts = facts;
  }
}

// One text a line, for whoever reads it.
export const bodyOf = (texts, model) =>
  `{"inputs":[\n${texts.map((text) => JSON.stringify({ text })).join(",\n")}\n],"model":${JSON.stringify(model)}}`;

export const settings = async () => (await fetch("/_emulator/playground/settings.json")).json();

// What follows "Basic": of key:secret its base64, anything else as it is.
export function credential(key) {
  if (!key.includes(":")) return key.trim();
  return btoa(String.fromCharCode(...new TextEncoder().encode(key.trim())));
}

// The vectors of some texts, and the facts of the response; a ReplyError says in words what is wrong.
export async function embed(texts, { key, fault, model, dimension, signal }) {
  const headers = { "content-type": "application/json", authorization: `Basic ${credential(key)}` };
  if (fault) headers["x-inworld-emulator-fault"] = fault;
  const { text, facts } = await exchange({ method: "POST", headers, body: bodyOf(texts, model), signal });
  return { vectors: checked(text, texts.length, dimension, facts), facts };
}

async function exchange(options) {
  const started = performance.now();
  const facts = { Status: null, Time: null, Engine: null, "Request id": null, Faults: null };
  let text;
  try {
    const response = await fetch(EMBED, { ...options, credentials: "omit", redirect: "error", cache: "no-store" });
    facts.Status = `${response.status} ${response.statusText}`;
    facts.Engine = response.headers.get("x-inworld-emulator-engine");
    facts["Request id"] = response.headers.get("x-inworld-request-id");
    facts.Faults = response.headers.get("x-inworld-emulator-fault");
    text = await response.text();
    facts.Time = `${Math.round(performance.now() - started)} ms`;
    if (!response.ok) throw new ReplyError(refusal(response, text), facts);
  } catch (error) {
    if (error instanceof ReplyError || error.name === "AbortError") throw error;
    facts.Time = `${Math.round(performance.now() - started)} ms`;
    throw new ReplyError(broken(facts.Status, error), facts);
  }
  return { text, facts };
}

function broken(status, error) {
  if (/header|Headers|ByteString|ISO-8859-1/.test(error.message)) return `This cannot be sent: ${error.message}`;
  if (status) return "The connection ended in the middle of the response.";
  return "The connection ended without a response. Is the server still running?";
}

function refusal(response, text) {
  const kind = response.headers.get("content-type") ?? "no type";
  const after = response.headers.get("retry-after");
  const hint = after ? ` Retry after ${after} s.` : "";
  try {
    const { message, code } = JSON.parse(text);
    if (typeof message === "string") return `${response.status}: ${message} (code ${code}).${hint}`;
  } catch {
    // Not from the API: said below.
  }
  const words = text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim().slice(0, 200);
  return `${response.status}, not in the API's form but as ${kind}: “${words}”.${hint}`;
}

export function checked(text, count, dimension, facts = {}) {
  const fail = (message) => {
    throw new ReplyError(`${message} No vector of this response is used.`, facts);
  };
  let rows;
  try {
    rows = JSON.parse(text).embeddings;
  } catch (error) {
    fail(`The response is not JSON: ${error.message}.`);
  }
  if (!Array.isArray(rows)) fail("The response has no list of embeddings.");
  if (rows.length !== count) fail(`${count} texts were sent, ${rows.length} vectors came back.`);
  const vectors = rows.map((row) => row?.values);
  vectors.forEach((vector, index) => {
    if (!Array.isArray(vector) || !vector.every(Number.isFinite)) fail(`Vector ${index + 1} has parts that are no numbers.`);
    if (vector.length !== dimension) {
      fail(`Vector ${index + 1} has ${vector.length} dimensions, the engine's have ${dimension}.`);
    }
  });
  return vectors;
}
