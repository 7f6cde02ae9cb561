import { random } from '../../src/tensor/random.ts';
import { sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { type Rows, rowsFor } from './graphs-rows.ts';
import { lossOf } from './heads.ts';
import { moved, type Perturbed, perturbed } from './perturbed.ts';
import { answerOf, type Drawn, drawn } from './random-graph.ts';

/** Rows that are checked. */
const CHECKED = 2;
/** Most weights of a network that is worth the time. */
const MOST = 4000;
/** Steps of the differences, in units of the weights; a kink within one makes it useless, hence several. */
const STEPS = [1e-2, 3e-3, 3e-2, 1e-3, 3e-4, 1e-4, 1e-1];
const TOLERANCE = 0.03;
/** From this step down differences to one side tell too. */
const ONE_SIDED = 3e-4;

/** Gradient rows of single samples, or of means of them, against differences of the loss, which is computed from the raw outputs by hand. */
export async function gradientsOf(key: string): Promise<Verdict> {
  const net = drawn(key);
  const rows = await rowsFor(net, key, MOST);
  if (rows === null) return RIGHT;
  const other = await perturbed(net, rows.layers, [net.raw]);
  try {
    for (let row = 0; row < Math.min(CHECKED, rows.samples.length); row++)
      for (const { name, op } of rows.layers) {
        const problem = await compared(net, other, { rows, row, name, key });
        if (problem !== null) return wrong(`row of ${op}: ${problem}; ends in ${net.spelling}`);
      }
    return RIGHT;
  } finally {
    await other.release();
  }
}

/** The mean loss of some samples with other weights. */
async function lossAt(
  net: Drawn,
  other: Perturbed,
  { samples, changed }: { samples: readonly number[]; changed: ReadonlyMap<string, Float32Array> },
): Promise<number> {
  const size = sizeOf(net.dims);
  const { inputs } = await net.source.feeds(samples);
  const { data } = (await other.run(inputs, changed)).get(net.raw) as Tensor<Float32Array>;
  const total = samples.reduce(
    (sum, sample, i) => sum + lossOf(net, data.subarray(i * size, (i + 1) * size), answerOf(net, sample)),
    0,
  );
  return total / samples.length;
}

interface Asked {
  readonly rows: Rows;
  readonly row: number;
  readonly name: string;
  readonly key: string;
}

/** Null where the gradient agrees with differences along some direction and step; else how far it is off at best. */
async function compared(net: Drawn, other: Perturbed, { rows, row, name, key }: Asked): Promise<string | null> {
  const samples = rows.samples[row] as readonly number[];
  const gradient = rows.gradients[row]?.get(name) as Float64Array;
  const w = other.weights.get(name) as Float32Array;
  const scale = Math.sqrt(w.reduce((sum, x) => sum + x * x, 0) / w.length) || 1;
  const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
  let best = Number.POSITIVE_INFINITY;
  for (const [k, step] of STEPS.entries()) {
    const rng = random(`${key}/${name}/${k}`);
    const u = Float32Array.from(w, () => rng.normal());
    const at = (h: number): Promise<number> =>
      lossAt(net, other, { samples, changed: new Map([[name, moved(w, u, h)]]) });
    const h = step * scale;
    const [up, down, up2, down2] = [await at(h), await at(-h), await at(2 * h), await at(-2 * h)];
    const difference = (8 * (up - down) - (up2 - down2)) / (12 * h);
    const told = gradient.reduce((sum, g, i) => sum + g * (u[i] as number), 0);
    if (!Number.isFinite(told)) return 'not finite';
    if (!Number.isFinite(difference)) return null;
    const noise = 2e-6 / h;
    const offFrom = (slope: number): number =>
      Math.max(0, Math.abs(slope - told) - noise) / Math.max(Math.abs(slope), 0.3 * length, 1e-6);
    best = Math.min(best, offFrom(difference));
    if (best < TOLERANCE) return null;
    if (step > ONE_SIDED) continue;
    const here = await at(0); // a jump on the one side leaves the other as it is
    const sides = [(4 * up - up2 - 3 * here) / (2 * h), (3 * here - 4 * down + down2) / (2 * h)];
    if (sides.some((slope) => offFrom(slope) < TOLERANCE)) return null;
  }
  return `off by ${best > 0.3 ? 'more than 30 %' : 'up to 30 %'}`;
}
