// The texts in the box: one a line, and no more than the page can show. Pure.

export const MOST_TEXTS = 50;
export const MOST_CHARACTERS = 50_000;

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
