// What the quickstart needs to write to a terminal: styles, columns, and a line of progress.

const isStyled = process.stdout.isTTY === true && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
const style = (code) => (text) => (isStyled ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = style(1);
export const dim = style(2);
export const green = style(32);

/** Writes lines to standard output. */
export function say(...lines) {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/** Cells side by side; a negative width aligns to the left. What follows the last width is written as it is. */
export function columns(widths, cells, rest = '') {
  const padded = cells.map((cell, i) => (widths[i] < 0 ? cell.padEnd(-widths[i]) : cell.padStart(widths[i])));
  return (padded.join('') + rest).trimEnd();
}

const BAR_CELLS = 24;
const REDRAW_MS = 80;

/** Progress on standard error: a line that is redrawn on a terminal, one line for each start elsewhere. */
export function progressLine() {
  const isLive = process.stderr.isTTY === true;
  let title = '';
  let shown = 0;
  const write = (text) => {
    const width = Math.max(20, (process.stderr.columns ?? 80) - 1);
    process.stderr.write(`\r\x1b[2K${text.slice(0, width)}`);
  };
  return {
    start(what) {
      title = what;
      if (isLive) write(what);
      else process.stderr.write(`${what}\n`);
    },
    show({ step, done, total, unit }) {
      if (!isLive || (performance.now() - shown < REDRAW_MS && done < total)) return;
      shown = performance.now();
      const filled = total > 0 ? Math.round((BAR_CELLS * Math.min(done, total)) / total) : 0;
      const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}`;
      write(`${title}  [${bar}]  ${step}, ${done} of ${total} ${unit}`);
    },
    clear() {
      if (isLive) write('');
    },
  };
}
