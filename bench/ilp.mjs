// npm run bench:ilp [-- weights layers]: the integer program of budgets (counts and MACs at once) on made-up weights.
import { knapsack } from '../dist/constraints/knapsack.js';
import { random } from '../dist/tensor/random.js';

const [p = 25_000_000, L = 50] = process.argv.slice(2).map(Number);
const rng = random(1);
const size = Math.floor(p / L);
const groups = Array.from({ length: L }, (_, g) => ({ start: g * size, size: g === L - 1 ? p - g * size : size }));
const costs = groups.map((_, g) => [12_544, 3136, 784, 196, 49, 1][Math.floor((6 * g) / L)]);
const importance = Float64Array.from({ length: p }, () => Math.fround(rng.normal()) ** 2);
const dense = groups.reduce((sum, group, g) => sum + group.size * costs[g], 0);
for (const [flops, share] of [
  [0.3, 0.5],
  [0.5, 0.3],
  [0.1, 0.2],
]) {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const started = performance.now();
  const limits = [
    { what: 'MACs', costs, limit: Math.trunc(flops * dense) },
    { what: 'weights', costs: costs.map(() => 1), limit: Math.trunc(share * p) },
  ];
  const constraint = knapsack(p, groups, limits);
  const support = constraint.support(importance);
  const seconds = (performance.now() - started) / 1000;
  const peak = process.resourceUsage().maxRSS * 1024 - before;
  const kept = support.reduce((sum, x) => sum + x, 0);
  const macs = groups.reduce(
    (sum, { start, size: n }, g) => sum + costs[g] * support.subarray(start, start + n).reduce((a, x) => a + x, 0),
    0,
  );
  console.log(
    `${p} weights in ${L} layers, ${flops} of the MACs, ${share} of the weights: ${seconds.toFixed(2)} s, ${(Math.max(peak, 0) / p).toFixed(1)} bytes a weight; kept ${(kept / p).toFixed(6)} of the weights, ${(macs / dense).toFixed(6)} of the MACs, feasible ${constraint.allows(support)}`,
  );
}
