/** The style sheet of the report's page: light and dark, narrow screens, paper. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfcfa; --card: #ffffff; --ink: #1b211d; --soft: #55605a; --line: #dde3de;
  --kept: #1d7a4c; --removed: #d5dcd7; --edge: #808b84; --accent: #17643e; --warn-paper: #fff5dc; --warn-line: #b7791f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131715; --card: #1b201d; --ink: #e8ede9; --soft: #a4b0a8; --line: #323a35;
    --kept: #5ecb94; --removed: #3a433d; --edge: #74807a; --accent: #7fdcae; --warn-paper: #33290f; --warn-line: #d9a441;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main, header, footer { max-width: 68rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 0.75rem; font-size: 1.2rem; }
p { margin: 0.5rem 0; }
.kicker { margin: 0 0 0.35rem; color: var(--accent); font-weight: 600; font-size: 0.9rem; }
.lead, .note, footer { color: var(--soft); }
.note, footer { font-size: 0.9rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 0.9rem; margin: 1.75rem 0 0; padding: 0; }
.tile { margin: 0; padding: 1rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile dt { color: var(--soft); font-size: 0.88rem; }
.tile dd { margin: 0; }
.tile .figure { font-size: 1.65rem; font-weight: 650; line-height: 1.3; letter-spacing: -0.01em; }
.tile .aside { color: var(--soft); font-size: 0.88rem; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.93rem; }
caption { padding: 0 0 0.5rem; text-align: left; color: var(--soft); font-size: 0.9rem; }
th, td { padding: 0.45rem 0.9rem 0.45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: 0.85rem; border-bottom-width: 2px; vertical-align: bottom; }
tbody th { font-weight: 500; overflow-wrap: break-word; min-width: 8rem; max-width: 22rem; }
tfoot th, tfoot td { border-bottom: 0; font-weight: 650; }
.right { text-align: right; white-space: nowrap; }
.change { color: var(--soft); }
.code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.85rem; overflow-wrap: anywhere; }
pre.code { margin: 0; padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; white-space: pre-wrap; }
.bar { display: block; width: 100%; min-width: 7rem; height: 0.75rem; margin-top: 0.38rem; border: 1px solid var(--edge); border-radius: 3px; }
.kept { fill: var(--kept); }
.removed { fill: var(--removed); }
.key { display: inline-block; width: 0.8em; height: 0.8em; margin: 0 0.3em 0 0.7em; border: 1px solid var(--edge); border-radius: 3px; vertical-align: -0.05em; }
.key-kept { background: var(--kept); }
.key-removed { background: var(--removed); }
.key:first-child { margin-left: 0; }
.warnings { margin: 1.75rem 0 0; padding: 0.8rem 1.1rem; background: var(--warn-paper); border-left: 4px solid var(--warn-line); border-radius: 4px; }
.warnings h2 { margin: 0; font-size: 1rem; }
.warnings ul { margin: 0.3rem 0 0; padding-left: 1.2rem; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media print {
  :root {
    color-scheme: light;
    --paper: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --line: #cccccc;
    --kept: #1d7a4c; --removed: #d5dcd7; --edge: #808b84; --accent: #17643e; --warn-paper: #ffffff;
  }
  @page { margin: 14mm; }
  html { font-size: 11px; }
  body { padding: 0; font-size: 1rem; }
  th, td { padding: 0.25rem 0.55rem 0.25rem 0; }
  tbody th { min-width: 5rem; }
  tfoot { display: table-row-group; }
  .scroll { overflow: visible; }
  .tiles { grid-template-columns: repeat(4, 1fr); gap: 0.5rem; margin-top: 1rem; }
  .tile { padding: 0.5rem 0.7rem; }
  .bar { min-width: 4rem; height: 0.6rem; margin-top: 0.25rem; }
  .tile, tr, pre.code { break-inside: avoid; }
  h2, caption { break-after: avoid; }
  h2 { margin-top: 1.75rem; }
  footer { margin-top: 1rem; padding-top: 0.5rem; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
