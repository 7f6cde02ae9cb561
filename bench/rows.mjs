// Rows of results: measured, shown, kept in bench/results/speed.csv.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

export const HERE = fileURLToPath(new URL('.', import.meta.url));
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FILE = `${HERE}results/speed.csv`;
const COLUMNS =
  'date,commit,cpu,cores,node,onnxruntime,table,case,side,runs,median_s,least_s,most_s,peak_rss_mb,objective'.split(
    ',',
  );

/** What a program prints: one JSON document. */
export function outcome(program, args) {
  const stdio = ['ignore', 'pipe', 'inherit'];
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio }));
}

/** Runs the sides by turns, so that a busy moment falls on all alike. sides: { name: () => { seconds, ... } } */
export function interleaved(sides, runs) {
  const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let i = 0; i < runs; i++) for (const [name, once] of Object.entries(sides)) results[name].push(once());
  return results;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function git(...args) {
  return execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim();
}

/** When, of what and on what a row was measured. */
export function surroundings() {
  const runtime = JSON.parse(readFileSync(`${ROOT}node_modules/onnxruntime-node/package.json`, 'utf8')).version;
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git('rev-parse', '--short', 'HEAD'),
    cpu: cpus()[0].model.replaceAll(',', ' '),
    cores: availableParallelism(),
    node: process.versions.node,
    onnxruntime: runtime,
  };
}

/** Appends the results of one case to the kept rows, a row a side, and prints them. */
export function keep(table, name, results) {
  const facts = surroundings();
  if (!existsSync(FILE)) writeFileSync(FILE, `${COLUMNS.join(',')}\n`);
  for (const [side, list] of Object.entries(results)) {
    const seconds = list.map((result) => result.seconds);
    const row = {
      ...facts,
      table,
      case: name,
      side,
      runs: list.length,
      median_s: median(seconds).toFixed(3),
      least_s: Math.min(...seconds).toFixed(3),
      most_s: Math.max(...seconds).toFixed(3),
      peak_rss_mb: Math.max(...list.map((result) => result.peakRssMB ?? 0)).toFixed(0),
      objective: list[0].objective?.toPrecision(9) ?? '',
    };
    appendFileSync(FILE, `${COLUMNS.map((column) => row[column]).join(',')}\n`);
    console.log(
      `${table.padEnd(8)} ${name.padEnd(34)} ${side.padEnd(14)} ${row.median_s.padStart(9)} s  [${row.least_s}, ${row.most_s}] ${row.peak_rss_mb.padStart(6)} MB  ${row.objective}`,
    );
  }
}

/** The commit of the last row that was kept. */
export function lastKept() {
  const lines = existsSync(FILE) ? readFileSync(FILE, 'utf8').trim().split('\n') : [];
  return lines.length < 2 ? null : lines.at(-1).split(',')[COLUMNS.indexOf('commit')];
}
