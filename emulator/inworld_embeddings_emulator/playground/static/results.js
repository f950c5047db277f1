// What came back, to look at: the similarity table, the map and the ranking.

import { draw, make, rove, shortened } from "./dom.js";

const RADIUS = 10;
const MARGIN = 28;

const toRead = (what) => `Point at a ${what}, or walk there with the arrow keys, to read it.`;

// Colour or length for a similarity; the style sheet says which.
function shaded(element, value) {
  element.toggleAttribute("data-below", value < 0);
  element.style.setProperty("--share", `${(Math.min(Math.abs(value), 1) * 100).toFixed(1)}%`);
  return element;
}

export function showRanking(list, texts, ranking) {
  const entry = ({ index, score }) =>
    make(
      "li",
      { "data-score": String(score) },
      make("span", { class: "score" }, score.toFixed(4)),
      make("span", { class: "text" }, texts[index]),
      shaded(make("span", { class: "bar", "aria-hidden": "true" }), score),
    );
  list.replaceChildren(...ranking.map(entry));
}

const size = (count) => (count <= 8 ? "few" : count <= 14 ? "some" : "many");

export function showHeatmap(place, reading, texts, matrix) {
  const cells = matrix.flatMap((row) => row.map((value) => shaded(make("td", { "data-value": String(value) }, value.toFixed(2)), value)));
  const numbers = texts.map((_, index) => make("th", { scope: "col" }, String(index + 1)));
  const rows = texts.map((text, index) =>
    make(
      "tr",
      {},
      make("th", { scope: "row", title: shortened(text, 200) }, String(index + 1)),
      ...cells.slice(index * texts.length, (index + 1) * texts.length),
    ),
  );
  const head = make("thead", {}, make("tr", {}, make("th"), ...numbers));
  const table = make("table", { class: `heat ${size(texts.length)}`, role: "grid", "aria-label": "Cosine similarities" });
  table.append(head, make("tbody", {}, ...rows));
  rove(cells, texts.length, (index) => {
    const [one, other] = [Math.floor(index / texts.length), index % texts.length];
    reading.textContent = `${one + 1} · ${other + 1}: ${matrix[one][other].toFixed(4)} — “${shortened(texts[one], 60)}” and “${shortened(texts[other], 60)}”`;
  });
  reading.textContent = toRead("cell");
  place.replaceChildren(table);
}

// The texts as points of a plane, with as many labels as there is room for.
export function showMap(place, reading, texts, points) {
  reading.textContent = toRead("number");
  const render = () => {
    const focused = [...place.querySelectorAll("g")].indexOf(document.activeElement);
    place.replaceChildren(picture(place.clientWidth, texts, points, reading));
    label(place.querySelector("svg"), texts);
    if (focused >= 0) place.querySelectorAll("g")[focused]?.focus();
  };
  place.watcher?.disconnect();
  let width = 0;
  place.watcher = new ResizeObserver(() => {
    if (width === place.clientWidth) return;
    width = place.clientWidth;
    render();
  });
  render();
  width = place.clientWidth;
  place.watcher.observe(place);
}

export function clearMap(place) {
  place.watcher?.disconnect();
}

function picture(width, texts, points, reading) {
  const height = Math.round(Math.min(Math.max(width * 0.62, 220), 420));
  const at = placed(points, width, height);
  const groups = at.map(({ x, y }, index) =>
    draw(
      "g",
      { role: "img", "aria-label": `${index + 1}: ${shortened(texts[index], 200)}` },
      draw("circle", { cx: x, cy: y, r: RADIUS }),
      draw("text", { class: "number", x, y: y + 4 }, String(index + 1)),
    ),
  );
  rove(groups, 1, (index) => {
    reading.textContent = `${index + 1}: “${shortened(texts[index], 160)}”`;
  });
  const cross = [
    draw("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 }),
    draw("line", { x1: width / 2, x2: width / 2, y1: 0, y2: height }),
  ];
  const name = { role: "group", "aria-label": "Map of the texts", viewBox: `0 0 ${width} ${height}`, height };
  return draw("svg", name, ...cross, ...groups);
}

// One scale for both axes, so that distances mean the same in every direction. The origin is in the middle.
export function placed(points, width, height) {
  const reach = (values) => Math.max(...values.map(Math.abs), 1e-9);
  const scale = Math.min(
    (width / 2 - MARGIN) / reach(points.map(({ x }) => x)),
    (height / 2 - MARGIN) / reach(points.map(({ y }) => y)),
  );
  return points.map(({ x, y }) => ({ x: width / 2 + x * scale, y: height / 2 - y * scale }));
}

// To the right, left, below or above its point, wherever a label covers nothing; otherwise there is the number.
function label(svg, texts) {
  const { width, height } = svg.viewBox.baseVal;
  const circles = [...svg.querySelectorAll("circle")];
  const taken = circles.map((circle) => circle.getBBox());
  circles.forEach((circle, index) => {
    const text = draw("text", { class: "label" }, shortened(texts[index], 28));
    circle.parentNode.append(text);
    const [x, y] = [circle.cx.baseVal.value, circle.cy.baseVal.value];
    const { width: wide } = text.getBBox();
    const spots = [
      [x + RADIUS + 4, y + 4],
      [x - RADIUS - 4 - wide, y + 4],
      [x - wide / 2, y + RADIUS + 14],
      [x - wide / 2, y - RADIUS - 6],
    ];
    const free = spots.find(([left, base]) => {
      const box = { x: left - 2, y: base - 12, width: wide + 4, height: 16 };
      const inside = box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height;
      return inside && !taken.some((other, k) => k !== index && overlap(box, other)) && taken.push(box);
    });
    if (!free) return text.remove();
    text.setAttribute("x", free[0]);
    text.setAttribute("y", free[1]);
  });
}

const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
