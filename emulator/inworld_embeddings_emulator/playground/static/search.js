// The ranking, as a list.

import { make } from "./dom.js";

export function showRanking(list, texts, ranking) {
  list.replaceChildren(...ranking.map(({ index, score }) => entry(texts[index], score)));
}

function entry(text, score) {
  const bar = make("span", { class: "bar", "data-below": score < 0, "aria-hidden": "true" });
  bar.style.setProperty("--share", `${(Math.min(Math.abs(score), 1) * 100).toFixed(1)}%`);
  return make(
    "li",
    { "data-score": String(score) },
    make("span", { class: "score" }, score.toFixed(4)),
    make("span", { class: "text" }, text),
    bar,
  );
}
