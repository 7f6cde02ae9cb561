/** Pixels that a text of 12 pixels takes, about: there is nothing to measure it with outside a browser. */
export function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) width += /[ilj.,:;'|! ]/.test(letter) ? 3.8 : /[A-Zmw%@]/.test(letter) ? 8.6 : 6.7;
  return width;
}

/** The end of a name that fits: the end tells layers apart. */
export function fitted(name: string, width: number): string {
  if (textWidth(name) <= width) return name;
  let kept = name;
  while (kept.length > 1 && textWidth(`…${kept}`) > width) kept = kept.slice(1);
  return `…${kept}`;
}
