import type { Tensors } from '../engine/engine.ts';
import { bigInts } from '../tensor/filled.ts';
import { type Random, random, sampleWithoutReplacement } from '../tensor/random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { GradientProgram } from './gradient-program.ts';
import type { FactorSizes, LayerRows } from './row-store.ts';

/** Share of a layer's gradient by which rounding and kinks of activations may move it. */
const NOISE = 2e-2;
/** The same of the whole gradient, for layers that hardly have one. */
const LEAST = 1e-5;
/** Rows that are compared. */
const COMPARED = 4;

/** What {@link rowsAreOwn} goes by. */
export interface RowsCheck {
  readonly program: GradientProgram;
  /** Elements of the layers. */
  readonly sizes: readonly number[];
  /** Samples to run, those of one run at least once. */
  readonly order: Int32Array;
  /** The model's inputs for these samples. */
  readonly inputs: (indices: Int32Array) => Promise<Tensors>;
}

/**
 * Whether each row of a run is that of its own samples: the same wherever they stand in the batch, and whoever stands beside them.
 * Since the rows add up to the gradient of the whole batch, they are then those of the samples alone.
 *
 * Cost: two runs of the program.
 */
export async function rowsAreOwn({ program, sizes, order, inputs }: RowsCheck): Promise<boolean> {
  const { samples, rows } = program;
  const per = samples / rows;
  const others = order.length >= 2 * samples ? samples : 0;
  const rng = random('rows');
  const places = sampleWithoutReplacement(rng, rows, rows);
  const kept = others > 0 ? places.subarray(0, Math.ceil(rows / 2)) : places;
  /** At place r stands group groups[r], of which those from `rows` on are other samples. */
  const groups = Array.from({ length: rows }, (_, r) => rows + r);
  if (others === 0) places.forEach((group, r) => (groups[r] = group));
  else kept.forEach((group, i) => (groups[(i * 2 + 1) % rows] = group));
  const numbers = (of: readonly number[]): Int32Array =>
    Int32Array.from(of.flatMap((group) => Array.from({ length: per }, (_, i) => order[group * per + i] as number)));
  const plain = Array.from({ length: rows }, (_, r) => r);
  const answers = lossInputs(program, rng);
  const run = async (of: readonly number[]): Promise<LayerRows[]> => {
    const feeds = new Map(await inputs(numbers(of)));
    for (const [name, tensor] of answers(of)) feeds.set(name, tensor);
    return (await program.run(feeds)).gradients;
  };
  const [first, second] = [await run(plain), await run(groups)];
  const compared = groups.flatMap((group, r) => (group < rows ? [{ group, r }] : [])).slice(0, COMPARED);
  return compared.every(({ group, r }) => {
    const parts = sizes.map((size, layer) => {
      const at = { size, factors: program.factors[layer] ?? null };
      return distance(
        rowOf(first[layer] as LayerRows, { ...at, row: group }),
        rowOf(second[layer] as LayerRows, { ...at, row: r }),
      );
    });
    const total = parts.reduce((sum, { size }) => sum + size, 0);
    return parts.every(({ difference, size }) => !(difference > NOISE ** 2 * size && difference > LEAST ** 2 * total));
  });
}

function distance(a: Float32Array, b: Float32Array): { difference: number; size: number } {
  let [difference, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2;
    size += ((a[i] as number) ** 2 + (b[i] as number) ** 2) / 2;
  }
  return { difference, size };
}

function rowOf(
  rows: LayerRows,
  { row, size, factors }: { row: number; size: number; factors: FactorSizes | null },
): Float32Array {
  if (rows instanceof Float32Array) return rows.subarray(row * size, (row + 1) * size);
  const [a, b] = factors as FactorSizes;
  const whole = new Float32Array(size);
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++)
      whole[i * b + j] = (rows.left[row * a + i] as number) * (rows.right[row * b + j] as number);
  return whole;
}

/** Made-up labels, targets or cotangents that go with the groups, twice as many as there are places. */
function lossInputs(
  { feeds, classes = 1, rows }: GradientProgram,
  rng: Random,
): (groups: readonly number[]) => [string, Tensor][] {
  const made = feeds.map(({ name, type, dims }) => {
    const whole = sizeOf(dims);
    const size = whole % rows === 0 ? whole / rows : 0; // nothing of an output without rows reaches a weight
    const values = Float64Array.from({ length: Math.max(2 * rows * size, whole) }, () =>
      type === 'int64' ? rng.integer(classes) : rng.normal(),
    );
    return { name, type, dims, size, values };
  });
  return (groups) =>
    made.map(({ name, type, dims, size, values }) => {
      const own = size === 0 ? values : new Float64Array(groups.length * size);
      if (size > 0)
        for (const [i, group] of groups.entries()) own.set(values.subarray(group * size, (group + 1) * size), i * size);
      const data = type === 'int64' ? bigInts(own) : new Float32Array(own);
      return [name, { type, dims, data }];
    });
}
