// The switches, and the script they add up to.

import { make } from "./dom.js";

const SWITCHES = [
  ["Rate limited", "rate-limit;retry-after=2"],
  ["Unavailable", "status=503"],
  ["A proxy's page", "html=502"],
  ["Slow", "latency=800ms"],
  ["Connection dropped", "drop"],
  ["Answer cut off", "truncate=50%"],
  ["A vector too few", "short"],
  ["NaN in a vector", "nan"],
  ["Wrong dimension", "dimension=8"],
  ["Two vectors swapped", "swap"],
];

export function showSwitches(list, changed) {
  const entries = SWITCHES.map(([name, fault]) => {
    const input = make("input", { type: "checkbox", role: "switch", value: fault });
    input.addEventListener("change", changed);
    return make("li", {}, make("label", { title: fault }, input, name));
  });
  list.replaceChildren(...entries);
}

// Faults joined by + apply together.
export const scriptOf = (list, words) =>
  [...[...list.querySelectorAll("input:checked")].map((input) => input.value), words.trim()].filter(Boolean).join(" + ");

export function told({ faults, requests, injected }) {
  const counts = Object.entries(injected).map(([name, times]) => `${name} × ${times}`);
  return `Whole server: ${faults}. ${requests} requests since, with ${counts.join(", ") || "no faults so far"}.`;
}
