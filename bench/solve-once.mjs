// One solve in a process of its own: node bench/solve-once.mjs '{"dist":...,"solver":...,"n":...,"widths":[...],"k":...,"rows":FILE,"weights":FILE}'
// prints { seconds, cpu, objective, peakRssMB } as JSON; cpu is that of all threads. Without files the problem is made up from a fixed seed.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { dist, solver, n, widths, k, rows, weights, lambda = 1e-3 } = JSON.parse(process.argv[2]);
const from = (file) => import(pathToFileURL(`${dist}/${file}`).href);
const { cardinality, chita, chitaCd, drive, linalg, onnxruntimeNode, quadratic } = await from('index.js');
const allocate = await from('engine/kernels/arena.js').then(
  (module) => module.allocate,
  () => (lengths) => lengths.map((length) => new Float32Array(length)), // versions before there were arenas
);

let state = 1;
/** Uniform in [-1/2, 1/2): the same in every version. */
function made() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32 - 0.5;
}

const arrays = allocate(widths.map((width) => n * width));
const file = rows === undefined ? null : openSync(rows, 'r');
let start = 0;
const panels = widths.map((width, i) => {
  const data = arrays[i];
  if (file !== null) readSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  else for (let t = 0; t < data.length; t++) data[t] = 0.1 * made() * (1 + ((t % width) % 7));
  const panel = { start, width, data };
  start += width;
  return panel;
});
if (file !== null) closeSync(file);
const stored = weights === undefined ? null : readFileSync(weights);
const wBar =
  stored === null
    ? Float64Array.from({ length: start }, () => Math.fround(0.2 * made()))
    : new Float64Array(stored.buffer, stored.byteOffset, start);

const made1 = solver === 'chita-cd' ? chitaCd({ swaps: 0 }) : chita();
const algebra = linalg(onnxruntimeNode);
const problem = () => quadratic({ n, p: start, panels, meanLoss: null }, wBar, { lambda, firstOrder: 0 }, algebra);
await drive(chita(), problem(), cardinality(start, Math.min(k, 1000))); // graphs opened, code compiled
const [began, before] = [performance.now(), process.cpuUsage()];
const { value } = await drive(made1, problem(), cardinality(start, k));
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
const cpu = (user + system) / 1e6;
const peakRssMB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ seconds, cpu, objective: value.objective, peakRssMB }));
process.exit(0);
