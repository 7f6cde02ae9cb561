import { type Content, type Markup, markup } from './markup.ts';
import type { Column } from './table.ts';

/** A table with its caption; the first cell of each row is its heading. */
export interface HtmlTable {
  readonly caption: Content;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Content[])[];
  /** A last row of totals. */
  readonly foot?: readonly Content[];
}

/** Draws a table that scrolls sideways in itself where the screen is too narrow. */
export function htmlTable({ caption, columns, rows, foot }: HtmlTable): Markup {
  const row = (
    cells: readonly Content[],
  ): Markup => markup`<tr>${columns.map((c, i) => cell(c, cells[i] ?? null, i))}</tr>
`;
  const heads = columns.map((c) => markup`<th scope="col"${side(c)}>${c.heading}</th>`);
  return markup`<div class="scroll"><table>
<caption>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${rows.map(row)}</tbody>
${foot === undefined ? null : markup`<tfoot>${row(foot)}</tfoot>`}</table></div>
`;
}

function cell(column: Column, content: Content, at: number): Markup {
  return at === 0 ? markup`<th scope="row"${side(column)}>${content}</th>` : markup`<td${side(column)}>${content}</td>`;
}

function side(column: Column): Markup | null {
  return column.align === 'right' ? markup` class="right"` : null;
}
