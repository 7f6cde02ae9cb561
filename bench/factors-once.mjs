// One solve of a made-up linear layer in a process of its own, its rows whole in memory, on disk, or as factors:
//   node bench/factors-once.mjs '{"kept":"memory|disk|factors","n":200,"a":1000,"b":2048,"share":0.2}'
// prints { seconds, cpu, objective, peakRssMB } of the solve alone as JSON; cpu counts all threads.

import { cardinality } from '../dist/constraints/cardinality.js';
import { diskMedium } from '../dist/curvature/disk-medium.node.js';
import { asFactors } from '../dist/curvature/factor-store.js';
import { inBlocks, inMemory } from '../dist/curvature/row-store.js';
import { linalg } from '../dist/engine/linalg.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { quadratic } from '../dist/problem/quadratic.js';
import { chita } from '../dist/solvers/chita/back-solving.js';
import { drive } from '../dist/solvers/drive.js';
import { random } from '../dist/tensor/random.js';

const BLOCK_BYTES = 128e6;
const { kept, n, a, b, share } = JSON.parse(process.argv[2]);
const p = a * b;
const stores = {
  memory: inMemory,
  disk: inBlocks({ open: () => diskMedium(), blockBytes: BLOCK_BYTES, half: false }),
  factors: asFactors(inMemory, BLOCK_BYTES),
};
const store = stores[kept](n, [p], kept === 'factors' ? [[a, b]] : undefined);
const rng = random(1);
const draw = (length, scale) => Float32Array.from({ length }, () => scale * rng.normal());
for (let i = 0; i < n; i++) {
  const [left, right] = [draw(a, 0.1), draw(b, 1)];
  const whole = () => Float32Array.from({ length: p }, (_, j) => left[Math.floor(j / b)] * right[j % b]);
  store.put(0, { first: i, count: 1 }, kept === 'factors' ? { left, right } : whole());
}
const wBar = Float64Array.from({ length: p }, () => Math.fround(0.2 * (rng.uniform() - 0.5)));
const algebra = linalg(onnxruntimeNode);
const rows = { n, p, panels: store.panels(), meanLoss: null };
const [began, before] = [performance.now(), process.cpuUsage()];
const problem = quadratic(rows, wBar, { lambda: 1e-3, firstOrder: 0 }, algebra);
const { value } = await drive(chita(), problem, cardinality(p, Math.round(share * p)));
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - began) / 1000;
const peakRssMB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, objective: value.objective, peakRssMB }));
process.exit(0);
