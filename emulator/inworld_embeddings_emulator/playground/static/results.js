// What came back: compared, ranked, and shown. Text is only ever set as text: nothing here reads HTML.

const TOUCHED = "(pointer: coarse), (max-width: 40rem)";

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const shortened = (text, most) => {
  const letters = Array.from(text);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
};

const rounded = (value) => value.toFixed(2).replace("-0.00", "0.00");

const dot = (a, b) => a.reduce((sum, part, index) => sum + part * b[index], 0);

// A vector of zeros is similar to nothing: 0.
function cosine(a, b) {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

export const similarities = (vectors) => vectors.map((a) => vectors.map((b) => cosine(a, b)));

// Most similar first; equal ones keep their order.
export const rank = (query, vectors) =>
  vectors.map((vector, index) => ({ index, score: cosine(query, vector) })).sort((one, other) => other.score - one.score);

// How far a value is on a scale, for the style sheet to make a colour or a length of.
function shaded(element, value, [least, most]) {
  const share = most - least > 1e-6 ? Math.min(Math.max((value - least) / (most - least), 0), 1) : 1;
  element.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  return element;
}

export function showRanking(list, texts, ranking) {
  const entry = ({ index, score }) => {
    const bar = shaded(make("span", { class: "bar", "aria-hidden": "true" }), score, [0, ranking[0].score]);
    return make("li", {}, make("span", { class: "score" }, rounded(score)), make("span", { class: "text" }, texts[index]), bar);
  };
  list.replaceChildren(...ranking.map(entry));
}

// The least and the greatest similarity of two different texts.
export function scaleOf(matrix) {
  const pairs = matrix.flatMap((row, index) => row.slice(index + 1));
  return pairs.length ? [Math.min(...pairs), Math.max(...pairs)] : [0, 1];
}

export function showHeatmap(place, reading, texts, matrix, isLong) {
  const scale = scaleOf(matrix);
  const cell = (value, row, column) =>
    shaded(make("td", { tabindex: -1, ...(row === column && { "data-self": "" }) }, rounded(value)), value, scale);
  const heading = (scope) => (text, index) =>
    make("th", { scope, title: shortened(text, 200), ...(isLong(text) && { class: "long" }) }, make("span", {}, `${index + 1} ${shortened(text, 34)}`));
  const cells = matrix.map((row, index) => row.map((value, column) => cell(value, index, column)));
  const rows = cells.map((row, index) => make("tr", {}, heading("row")(texts[index], index), ...row));
  const table = make("table", { class: "heat", role: "grid", "aria-label": "Cosine similarities" });
  table.style.setProperty("--columns", texts.length);
  table.append(make("thead", {}, make("tr", {}, make("td"), ...texts.map(heading("col")))), make("tbody", {}, ...rows));
  walk(table, cells.flat(), texts.length, (index) => {
    const [one, other] = [Math.floor(index / texts.length), index % texts.length];
    reading.textContent = `${one + 1} · ${other + 1}: ${matrix[one][other].toFixed(4)} — “${shortened(texts[one], 60)}” and “${shortened(texts[other], 60)}”`;
  });
  reading.textContent = matchMedia(TOUCHED).matches ? "Tap a cell to read it." : "Point at a cell, or walk there with the arrow keys, to read it.";
  place.replaceChildren(table);
}

// One tab stop for all cells: the arrow keys walk among them, row by row.
function walk(table, cells, columns, read) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  let stop = cells[0];
  stop.tabIndex = 0;
  table.addEventListener("focusin", ({ target }) => {
    stop.tabIndex = -1;
    stop = target;
    stop.tabIndex = 0;
    read(cells.indexOf(stop));
  });
  table.addEventListener("pointerover", ({ target }) => cells.includes(target) && read(cells.indexOf(target)));
  table.addEventListener("keydown", (event) => {
    const next = cells[cells.indexOf(event.target) + steps[event.key]];
    if (!next || event.altKey || event.metaKey) return;
    event.preventDefault();
    next.focus();
  });
}
