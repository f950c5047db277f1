// Asks this server, and no other, and believes no response before it is checked.

export const EMBED = "/ml/v1alpha/embedding:embed";
export const FAULT = "x-inworld-emulator-fault";

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
export const credential = (key) => (key.includes(":") ? btoa(key.trim()) : key.trim());

// The vectors of some texts, and the facts of the response; a ReplyError says in words what is wrong.
export async function embed(texts, { key, fault, model, dimension, signal }) {
  const headers = new Headers({ "content-type": "application/json", authorization: `Basic ${credential(key)}` });
  if (fault) headers.set(FAULT, fault);
  const facts = { Status: null, Time: null, Engine: null, "Request id": null, Faults: null };
  const started = performance.now();
  let response, text;
  try {
    const options = { method: "POST", headers, body: bodyOf(texts, model), signal };
    response = await fetch(EMBED, { ...options, credentials: "omit", redirect: "error", cache: "no-store" });
    facts.Status = `${response.status} ${response.statusText}`;
    facts.Engine = response.headers.get("x-inworld-emulator-engine");
    facts["Request id"] = response.headers.get("x-inworld-request-id");
    facts.Faults = response.headers.get(FAULT);
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const lost = response ? "in the middle of the response." : "without a response. Is the server still running?";
    throw new ReplyError(`The connection ended ${lost}`, facts);
  } finally {
    facts.Time = `${Math.round(performance.now() - started)} ms`;
  }
  if (!response.ok) throw new ReplyError(refusal(response, text), facts);
  return { vectors: checked(text, texts.length, dimension, facts), facts };
}

function refusal({ status, headers }, text) {
  const after = headers.get("retry-after");
  const hint = after ? ` Retry after ${after} s.` : "";
  try {
    const { message, code } = JSON.parse(text);
    return `${status}: ${message} (code ${code}).${hint}`;
  } catch {
    const words = text.replace(/(?:<[^>]*>|\s)+/g, " ").trim().slice(0, 200);
    return `${status}, not in the API's form but as ${headers.get("content-type")}: “${words}”.${hint}`;
  }
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
  return rows.map((row, index) => {
    const vector = row?.values;
    if (!Array.isArray(vector) || !vector.every(Number.isFinite)) fail(`Vector ${index + 1} has parts that are no numbers.`);
    if (vector.length === dimension) return vector;
    fail(`Vector ${index + 1} has ${vector.length} dimensions, the engine's have ${dimension}.`);
  });
}
