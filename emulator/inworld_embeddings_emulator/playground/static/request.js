// What is asked for: the texts in the box, a link that brings them back, and the faults.

// One text a line, and no more than the page can show.
export const MOST_TEXTS = 50;
export const MOST_CHARACTERS = 50_000;
const LONGEST_LINK = 32_000;

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

// By the least number of tokens that a text can have, as the client counts them.
export function surelyLonger(text, tokens) {
  const words = text.split(/\s+/).filter(Boolean).map((word) => Math.min(Array.from(word).length, 100));
  return words.length > tokens || words.reduce((sum, letters) => sum + letters, 0) > 16 * tokens;
}

// Behind the # of an address, which no browser sends.
export function linkOf(texts, query) {
  const link = `#${new URLSearchParams({ texts: texts.join("\n"), query })}`;
  return link.length > LONGEST_LINK ? null : link;
}

export function linked(hash) {
  const found = new URLSearchParams(hash.length > LONGEST_LINK ? "" : hash.slice(1));
  return found.has("texts") ? { texts: found.get("texts"), query: (found.get("query") ?? "").slice(0, 2000) } : null;
}

// A fault's name, its script, and what there is to learn from it.
export const FAULTS = [
  ["Rate limited", "rate-limit;retry-after=2", "The client waits as long as the server asks and a little more, sends fewer requests at once and tries again. After three attempts it raises RateLimitError."],
  ["Unavailable", "status=503", "The client tries again after random, growing waits. After three attempts a single request raises InternalServerError; many of one call wait for the end of an outage, until timeout=."],
  ["A proxy's page", "html=502", "The client goes by the status, never takes the page for JSON, and tries again. After three attempts it raises InternalServerError."],
  ["Slow", "latency=800ms", "The client waits, all its attempts together for at most timeout=. Then it raises APITimeoutError."],
  ["Connection dropped", "drop", "The client sends the request again on another connection. After three attempts it raises APIConnectionError."],
  ["Response cut off", "truncate=50%", "The client uses nothing of the part that came, and tries again. After three attempts it raises APIConnectionError."],
  ["A vector too few", "short", "The client counts, so that no text gets the vector of another. It tries again, then in smaller batches, then raises APIResponseValidationError."],
  ["NaN in a vector", "nan", "The client lets no NaN into a result. It tries again, then in smaller batches, then raises APIResponseValidationError."],
  ["Wrong dimension", "dimension=8", "This page knows the engine's dimension. The client does not: it takes what the first response of a call has, and refuses another one in the same call: PartialFailureError keeps what was right."],
  ["Two vectors swapped", "swap", "It looks like a success, to the client too: count, dimension and numbers are right, and a response does not say which text a vector belongs to. What would catch it: embed some texts again, one by one, and compare."],
];

export const lessonsOf = (script) => FAULTS.filter(([, fault]) => script.split(" + ").includes(fault)).map(([, , lesson]) => lesson);
