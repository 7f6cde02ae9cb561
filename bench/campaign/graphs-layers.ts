import { sparsity } from '../../src/budget/budget.ts';
import { constraintOf } from '../../src/budget/constraint-of.ts';
import { constantsToInitializers } from '../../src/graph/passes/constants-to-initializers.ts';
import { findWeights, type WeightLayer } from '../../src/graph/weights.ts';
import { tensorOf } from '../../src/ir/access.ts';
import type { Constant, Model } from '../../src/ir/model.ts';
import { reconstruct } from '../../src/reconstruction/reconstruct.ts';
import { random } from '../../src/tensor/random.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { perturbed } from './perturbed.ts';
import { type Drawn, drawn, SAMPLES } from './random-graph.ts';

/** Most weights of a layer that is solved plainly. */
const MOST = 150;
const RIDGE = 1e-4;
/** It grows to so many times weights of an output / positions, as reconstruction documents. */
const RIDGE_OF_FEW = 0.2;
/** How far above the least error a solution may be, in shares of it and of what the layer gives. */
const TOLERANCE = { share: 0.1, part: 3e-3 };

/** One layer as `reconstruct` solves it, without the refit through the model and what it holds beside the result afterwards: no further from its dense outputs, and by the ridge from its dense weights, than plain least squares on the same support comes. */
export async function layersOf(key: string): Promise<Verdict> {
  const net = drawn(key);
  const small = findWeights(net.model).prunable.filter(({ size }) => size <= MOST && size > 3);
  const layer = small[random(`${key}/layer`).integer(Math.max(1, small.length))];
  if (layer === undefined) return RIGHT;
  const { model } = await reconstruct({
    engine: net.engine,
    model: net.model,
    layers: [layer],
    source: net.source,
    constraintsOf: () => [constraintOf(sparsity(0.5), [{ size: layer.size, macsPerWeight: null }])],
    samples: SAMPLES,
    ridge: RIDGE,
    seed: 1,
    threads: 1,
    refits: false,
  });
  const solved = elements(model, layer);
  const plain = await linearMap(
    net,
    layer,
    (await net.source.feeds(Int32Array.from({ length: SAMPLES }, (_, i) => i))).inputs,
  );
  if (plain === null) return RIGHT;
  const { dense } = plain;
  const columns = ridged(plain.columns);
  const target = combined(columns, dense);
  const support = [...solved.keys()].filter((j) => solved[j] !== 0);
  if (support.length > Math.ceil(layer.size / 2)) return wrong('more weights kept than the budget allows');
  const found = squared(target, combined(columns, solved));
  const least = leastError(
    support.map((j) => columns[j] as Float64Array),
    target,
  );
  const whole = target.reduce((sum, x) => sum + x * x, 0);
  if (found <= least * (1 + TOLERANCE.share) + TOLERANCE.part * whole) return RIGHT;
  const [factor, op] = [
    found / Math.max(least, 1e-9 * whole),
    layer.uses.length > 1 ? `${layer.op} of several uses` : layer.op,
  ];
  return wrong(`${op}: error ${factor > 2 ? 'more than twice' : 'up to twice'} that of least squares`);
}

function elements(model: Model, { name }: WeightLayer): Float64Array {
  return Float64Array.from(
    tensorOf(constantsToInitializers(model.graph).constants.get(name) as Constant).data as Float32Array,
  );
}

/** What each single weight adds to the outputs of the layer's uses; null where these are no linear function of it. */
async function linearMap(
  net: Drawn,
  layer: WeightLayer,
  inputs: Parameters<Awaited<ReturnType<typeof perturbed>>['run']>[0],
): Promise<{ columns: Float64Array[]; dense: Float64Array } | null> {
  const outputs = [...new Set(layer.uses.map(({ node }) => node.outputs[0] as string))];
  const open = await perturbed(net, [layer], outputs);
  const dense = Float64Array.from(open.weights.get(layer.name) as Float32Array);
  const at = async (w: Float64Array): Promise<Float64Array> => {
    const values = await open.run(inputs, new Map([[layer.name, Float32Array.from(w)]]));
    return Float64Array.from(outputs.flatMap((name) => [...(values.get(name) as Tensor<Float32Array>).data]));
  };
  try {
    const zero = await at(new Float64Array(layer.size));
    const columns: Float64Array[] = [];
    for (let j = 0; j < layer.size; j++) {
      const one = new Float64Array(layer.size);
      one[j] = 1;
      columns.push((await at(one)).map((y, i) => y - (zero[i] as number)));
    }
    const straight = (await at(dense)).map((y, i) => y - (zero[i] as number));
    const whole = straight.reduce((sum, x) => sum + x * x, 0);
    return squared(straight, combined(columns, dense)) <= 1e-6 * whole ? { columns, dense } : null;
  } finally {
    await open.release();
  }
}

/** A row more for each weight, which is the weight times the root of the ridge. */
function ridged(columns: readonly Float64Array[]): Float64Array[] {
  const positions = columns[0]?.length ?? 1;
  const meanSquare = columns.reduce((sum, x) => sum + x.reduce((a, b) => a + b * b, 0), 0) / columns.length;
  const ridge = Math.max(RIDGE, (RIDGE_OF_FEW * columns.length) / positions) * meanSquare;
  return columns.map((column, j) => {
    const longer = new Float64Array(column.length + columns.length);
    longer.set(column);
    longer[column.length + j] = Math.sqrt(ridge);
    return longer;
  });
}

function combined(columns: readonly Float64Array[], w: Float64Array): Float64Array {
  const y = new Float64Array(columns[0]?.length ?? 0);
  columns.forEach((column, j) => {
    const x = w[j] as number;
    if (x !== 0) column.forEach((c, i) => (y[i] = (y[i] as number) + c * x));
  });
  return y;
}

function squared(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0);
}

/** The least squared distance of a combination of columns from a target, by orthogonalisation. */
export function leastError(columns: readonly Float64Array[], target: Float64Array): number {
  const basis: Float64Array[] = [];
  const without = (v: Float64Array): Float64Array => {
    let rest = v;
    for (let round = 0; round < 2; round++)
      for (const q of basis) {
        const c = rest.reduce((sum, x, i) => sum + x * (q[i] as number), 0);
        rest = rest.map((x, i) => x - c * (q[i] as number));
      }
    return rest;
  };
  for (const column of columns) {
    const before = Math.sqrt(column.reduce((sum, x) => sum + x * x, 0));
    const rest = without(column);
    const length = Math.sqrt(rest.reduce((sum, x) => sum + x * x, 0));
    if (length > 1e-7 * before && length > 0) basis.push(rest.map((x) => x / length));
  }
  return without(target).reduce((sum, x) => sum + x * x, 0);
}
