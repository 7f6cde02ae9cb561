/** A column of a table: its heading, and the side that its cells stand on. */
export interface Column {
  readonly heading: string;
  /** Numbers stand right. Default `left`. */
  readonly align?: 'left' | 'right';
}

/** No column of text is cut below this. */
const LEAST_WIDTH = 8;

/**
 * An aligned table for a terminal: two spaces between columns, a rule under the headings, no spaces at line ends.
 *
 * @param rows   one cell per column; missing cells are empty
 * @param width  of the terminal: columns of text are cut at their beginning, the widest first, until the table fits
 */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const whole = [columns.map((column) => column.heading), ...rows].map((row) => fill(columns, row, oneLine));
  const widths = columns.map((_, i) => Math.max(...whole.map((row) => displayWidth(row[i] as string))));
  narrow(widths, columns, width);
  const cells = whole.map((row) => row.map((cell, i) => cut(cell, widths[i] as number)));
  const lines = cells.map((row) => row.map((cell, i) => pad(cell, widths[i] as number, columns[i])).join('  '));
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [lines[0] as string, rule, ...lines.slice(1)].map((line) => line.trimEnd()).join('\n');
}

/**
 * The same table in Markdown, aligned so that its source reads well too.
 *
 * @param rows  one cell per column; missing cells are empty
 */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map((column) => column.heading), ...rows].map((row) => fill(columns, row, markdownCell));
  const widths = columns.map((_, i) => Math.max(3, ...cells.map((row) => displayWidth(row[i] as string))));
  const lines = cells.map((row) => row.map((cell, i) => pad(cell, widths[i] as number, columns[i])));
  const rule = columns.map((column, i) => {
    const width = widths[i] as number;
    return column.align === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width);
  });
  return [lines[0] as string[], rule, ...lines.slice(1)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Takes from the widest column of text, one by one. */
function narrow(widths: number[], columns: readonly Column[], width: number): void {
  let over = widths.reduce((sum, w) => sum + w + 2, -2) - width;
  while (over > 0) {
    const texts = widths.map((w, i) => (columns[i]?.align === 'right' ? 0 : w));
    const widest = texts.indexOf(Math.max(...texts));
    if ((texts[widest] ?? 0) <= LEAST_WIDTH) return;
    (widths[widest] as number) -= 1;
    over -= 1;
  }
}

/** The end of a text: names of layers differ there. */
function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const letters = [...text];
  while (letters.length > 0 && displayWidth(letters.join('')) > width - 1) letters.shift();
  return `\u2026${letters.join('')}`;
}

function fill(columns: readonly Column[], row: readonly string[], clean: (cell: string) => string): string[] {
  return columns.map((_, i) => clean(row[i] ?? ''));
}

/** Names come from files: control characters must not reach a terminal. */
function oneLine(cell: string): string {
  return cell.replace(/\p{Cc}+/gu, ' ');
}

function markdownCell(cell: string): string {
  return oneLine(cell).replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

function pad(cell: string, width: number, column: Column | undefined): string {
  const space = ' '.repeat(width - displayWidth(cell));
  return column?.align === 'right' ? space + cell : cell + space;
}

/** Terminal columns: combining marks take none, wide East Asian characters and pictographs two. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{M}|\p{Cf}/u.test(character)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
}
