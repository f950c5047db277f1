// Elements: made, found, and walked through by key. Text is only ever set as text: nothing here reads HTML.

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const shortened = (text, most) => {
  const letters = Array.from(text);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
};

// One tab stop for many elements: the arrow keys move among them, row by row.

export function rove(items, columns, chosen) {
  const focus = (index) => {
    for (const item of items) item.tabIndex = -1;
    items[index].tabIndex = 0;
    items[index].focus();
  };
  items.forEach((item, index) => {
    item.setAttribute("tabindex", index === 0 ? "0" : "-1");
    item.addEventListener("focus", () => chosen(index));
    item.addEventListener("pointerdown", () => focus(index));
    item.addEventListener("keydown", (event) => {
      const to = target(event, index, columns, items.length);
      if (to === undefined) return;
      event.preventDefault();
      focus(to);
    });
  });
}

function target({ key, ctrlKey, altKey, metaKey }, index, columns, count) {
  if (altKey || metaKey) return undefined;
  const all = ctrlKey || columns === 1;
  const start = index - (index % columns);
  const to = {
    ArrowLeft: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index - columns,
    ArrowDown: index + columns,
    Home: all ? 0 : start,
    End: all ? count - 1 : start + columns - 1,
  }[key];
  return to === undefined ? undefined : to < 0 || to >= count ? index : to;
}
