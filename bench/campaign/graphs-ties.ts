import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { gradientsOf } from './graphs-gradients.ts';
import { rowsFor } from './graphs-rows.ts';
import { drawn } from './random-graph.ts';

/** Most weights of a network that is worth the time. */
const MOST = 4000;
/** Of the largest element of a row: both are float32, added up in another order. */
const TOLERANCE = 3e-4;

/** Rows of a weight of several uses against the sum of those of its copies, one a use. A network without such weights is checked by differences. */
export async function tiesOf(key: string): Promise<Verdict> {
  const twin = drawn(key, { untied: true });
  if (twin.copies.every((copies) => copies.length < 2)) return gradientsOf(key);
  const net = drawn(key);
  const tied = await rowsFor(net, key, MOST);
  const untied = await rowsFor(twin, key, 2 * MOST);
  if (tied === null || untied === null) return RIGHT;
  for (const [i, copies] of twin.copies.entries()) {
    const name = net.copies[i]?.[0] as string;
    if (!tied.layers.some((layer) => layer.name === name)) continue;
    for (const [row, gradients] of tied.gradients.entries()) {
      const told = gradients.get(name) as Float64Array;
      const parts = copies.flatMap((copy) => untied.gradients[row]?.get(copy) ?? []);
      if (parts.length !== copies.length) continue; // a copy that is no layer by itself
      const sum = told.map((_, k) => parts.reduce((total, part) => total + (part[k] as number), 0));
      const largest = Math.max(1e-6, ...sum.map(Math.abs));
      if (told.some((x, k) => !(Math.abs(x - (sum[k] as number)) <= TOLERANCE * largest)))
        return wrong(`a weight of ${copies.length} uses has other rows than its copies together`);
    }
  }
  return RIGHT;
}
