// The similarity table: colour for the eye, numbers for whoever asks.

import { make, shortened } from "./dom.js";
import { rove } from "./roving.js";

const size = (count) => (count <= 8 ? "few" : count <= 14 ? "some" : count <= 24 ? "many" : "many crowd");

export function showHeatmap(place, reading, texts, matrix) {
  const cells = matrix.flatMap((row) => row.map(cell));
  const numbers = texts.map((_, index) => make("th", { scope: "col" }, String(index + 1)));
  const rows = texts.map((text, index) =>
    make(
      "tr",
      {},
      make("th", { scope: "row", title: shortened(text, 200) }, String(index + 1)),
      ...cells.slice(index * texts.length, (index + 1) * texts.length),
    ),
  );
  const head = make("thead", {}, make("tr", {}, make("td", { class: "corner" }), ...numbers));
  const table = make("table", { class: `heat ${size(texts.length)}`, role: "grid", "aria-label": "Cosine similarities" });
  table.append(head, make("tbody", {}, ...rows));
  rove(cells, texts.length, (index) => {
    const [one, other] = [Math.floor(index / texts.length), index % texts.length];
    reading.textContent = `${one + 1} · ${other + 1}: ${matrix[one][other].toFixed(4)} — “${shortened(texts[one], 60)}” and “${shortened(texts[other], 60)}”`;
  });
  reading.textContent = "Point at a cell, or walk there with the arrow keys, to read it.";
  place.replaceChildren(table);
}

function cell(value) {
  const share = Math.min(Math.abs(value), 1);
  const made = make("td", { "data-below": value < 0, "data-value": String(value) }, value.toFixed(2));
  made.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  return made;
}
