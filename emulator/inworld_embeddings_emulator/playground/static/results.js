// What came back, to look at: the similarity table, the map and the ranking.

import { draw, make, rove, shortened } from "./dom.js";

const RADIUS = 12;
const APART = 2 * RADIUS + 1;
const TOUCHED = "(pointer: coarse), (max-width: 40rem)";

const toRead = (what) =>
  matchMedia(TOUCHED).matches ? `Tap a ${what} to read it.` : `Point at a ${what}, or walk there with the arrow keys, to read it.`;

export const rounded = (value) => value.toFixed(2).replace("-0.00", "0.00");

function readable(items, columns, read) {
  rove(items, columns, read);
  items.forEach((item, index) => item.addEventListener("pointerenter", () => read(index)));
}

// How far a value is on a scale, for the style sheet to make a colour or a length of.
function shaded(element, value, [least, most]) {
  const share = most - least > 1e-6 ? Math.min(Math.max((value - least) / (most - least), 0), 1) : 1;
  element.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  return element;
}

export function showRanking(list, texts, ranking) {
  const entry = ({ index, score }) =>
    make(
      "li",
      { "data-score": String(score) },
      make("span", { class: "score" }, rounded(score)),
      make("span", { class: "text" }, texts[index]),
      shaded(make("span", { class: "bar", "aria-hidden": "true" }), score, [0, ranking[0].score]),
    );
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
    shaded(make("td", { "data-value": String(value), ...(row === column && { "data-self": "" }) }, rounded(value)), value, scale);
  const heading = (scope) => (text, index) =>
    make("th", { scope, title: shortened(text, 200), ...(isLong(text) && { class: "long" }) }, make("span", {}, `${index + 1} ${shortened(text, 34)}`));
  const cells = matrix.map((row, index) => row.map((value, column) => cell(value, index, column)));
  const rows = cells.map((row, index) => make("tr", {}, heading("row")(texts[index], index), ...row));
  const table = make("table", { class: "heat", role: "grid", "aria-label": "Cosine similarities" });
  table.style.setProperty("--columns", texts.length);
  table.append(make("thead", {}, make("tr", {}, make("td"), ...texts.map(heading("col")))), make("tbody", {}, ...rows));
  readable(cells.flat(), texts.length, (index) => {
    const [one, other] = [Math.floor(index / texts.length), index % texts.length];
    reading.textContent = `${one + 1} · ${other + 1}: ${matrix[one][other].toFixed(4)} — “${shortened(texts[one], 60)}” and “${shortened(texts[other], 60)}”`;
  });
  reading.textContent = toRead("cell");
  place.replaceChildren(table);
  return scale;
}

// The texts as points of a plane, drawn anew for each width, with as many labels as there is room for.
export function showMap(place, reading, texts, points) {
  let width = 0;
  place.watcher = new ResizeObserver(() => {
    if (width === place.clientWidth) return;
    width = place.clientWidth;
    place.replaceChildren(picture(width, texts, points, reading));
    label(place.firstChild, texts);
  });
  place.watcher.observe(place);
  reading.textContent = toRead("number");
}

export function clearMap(place) {
  place.watcher?.disconnect();
  place.replaceChildren();
}

function picture(width, texts, points, reading) {
  const height = Math.round(Math.min(Math.max(width * 0.62, 260), 420));
  const groups = placed(points, width, height).map(({ x, y }, index) =>
    draw(
      "g",
      { role: "img", "aria-label": `${index + 1}: ${shortened(texts[index], 200)}` },
      draw("circle", { cx: x, cy: y, r: RADIUS }),
      draw("text", { class: "number", x, y: y + 4 }, String(index + 1)),
    ),
  );
  readable(groups, 1, (index) => {
    reading.textContent = `${index + 1}: “${shortened(texts[index], 160)}”`;
  });
  const cross = [
    draw("line", { x1: 0, x2: width, y1: height / 2, y2: height / 2 }),
    draw("line", { x1: width / 2, x2: width / 2, y1: 0, y2: height }),
  ];
  const name = { role: "group", "aria-label": "Map of the texts", viewBox: `0 0 ${width} ${height}`, width, height };
  return draw("svg", name, ...cross, ...groups);
}

// One scale for both axes, so that distances mean the same in every direction, and the origin in the middle. Then points
// that would cover each other are moved apart, so that each can be seen and tapped.
export function placed(points, width, height) {
  const reach = (values) => Math.max(...values.map(Math.abs), 1e-9);
  const [right, down] = [width / 2 - RADIUS - 2, height / 2 - RADIUS - 2];
  const scale = Math.min(right / reach(points.map(({ x }) => x)), down / reach(points.map(({ y }) => y)));
  const at = points.map(({ x, y }) => ({ x: x * scale, y: -y * scale }));
  for (let round = 0; round < 300 && spread(at); round++) {
    for (const point of at) {
      point.x = Math.min(Math.max(point.x, -right), right);
      point.y = Math.min(Math.max(point.y, -down), down);
    }
  }
  return at.map(({ x, y }) => ({ x: width / 2 + x, y: height / 2 + y }));
}

// Whether any two were too near; they are now a little less so.
function spread(points) {
  let moved = false;
  points.forEach((one, index) => {
    for (const other of points.slice(0, index)) {
      const gap = Math.hypot(one.x - other.x, one.y - other.y);
      if (gap >= APART - 0.5) continue;
      const angle = gap > 1e-6 ? Math.atan2(one.y - other.y, one.x - other.x) : index;
      const [x, y] = [Math.cos(angle), Math.sin(angle)].map((part) => (part * (APART - gap)) / 2);
      Object.assign(one, { x: one.x + x, y: one.y + y });
      Object.assign(other, { x: other.x - x, y: other.y - y });
      moved = true;
    }
  });
  return moved;
}

// To the right, left, below or above its point, wherever a label covers nothing; otherwise there is the number.
function label(svg, texts) {
  const { width, height } = svg.viewBox.baseVal;
  const circles = [...svg.querySelectorAll("circle")];
  const taken = circles.map((circle) => circle.getBBox());
  circles.forEach((circle, index) => {
    const text = circle.parentNode.appendChild(draw("text", { class: "label" }));
    const [x, y] = [circle.cx.baseVal.value, circle.cy.baseVal.value];
    const fits = (most) => {
      text.textContent = shortened(texts[index], most);
      const { width: wide } = text.getBBox();
      const spots = [
        [x + RADIUS + 4, y + 4],
        [x - RADIUS - 4 - wide, y + 4],
        [x - wide / 2, y + RADIUS + 14],
        [x - wide / 2, y - RADIUS - 6],
      ];
      return spots.some(([left, base]) => {
        const box = { x: left - 2, y: base - 12, width: wide + 4, height: 16 };
        const inside = box.x >= 0 && box.x + box.width <= width && box.y >= 0 && box.y + box.height <= height;
        if (!inside || taken.some((other, k) => k !== index && overlap(box, other))) return false;
        text.setAttribute("x", left);
        text.setAttribute("y", base);
        return taken.push(box);
      });
    };
    if (![28, 14].some(fits)) text.remove();
  });
}

const overlap = (a, b) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
