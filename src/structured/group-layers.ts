import { readWeightsNarrow } from '../apply/weights.ts';
import type { Linalg } from '../engine/linalg.ts';
import type { Atom } from '../graph/spaces/atoms.ts';
import type { Walk } from '../graph/spaces/walk.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { constantOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { outputVariance } from '../reconstruction/layer-problem.ts';
import { type LinearMap, toMatrix } from '../reconstruction/linear-map.ts';
import type { Moments } from '../reconstruction/moments.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { LayerState } from './layer-state.ts';

/** A layer with what it was measured to see in the dense model. */
export interface MeasuredGroups {
  readonly layer: WeightLayer;
  readonly map: LinearMap;
  readonly moments: Moments;
}

/** Ridge of a layer that saw few inputs, in weights of an output / inputs seen. */
const RIDGE_OF_FEW = 0.2;

/** A layer as removals see it; its bias takes up means, so that only what varies counts. */
export async function removalState(
  algebra: Linalg,
  { model, walk, ridge }: { readonly model: Model; readonly walk: Walk; readonly ridge: number },
  { layer, map, moments }: MeasuredGroups,
): Promise<LayerState> {
  const { groups, outputs, inputs } = map;
  const dense = Float32Array.from(readWeightsNarrow(model, [layer]));
  const W = toMatrix(map, dense);
  const H = covariance(map, moments);
  let mean = 0;
  for (let k = 0; k < groups * inputs; k++) mean += (H[k * inputs + (k % inputs)] as number) / (groups * inputs);
  const r = mean > 0 ? Math.max(ridge, (RIDGE_OF_FEW * inputs) / moments.count) * mean : 1;
  for (let k = 0; k < groups * inputs; k++) (H[k * inputs + (k % inputs)] as number) += r;
  return new LayerState({
    groups,
    outputs,
    inputs,
    H,
    W: Float64Array.from(W),
    ...atomsOf(model, walk, { layer, map }),
    variance: await outputVariance(algebra, { map, W }, moments),
    macsPerWeight: layer.macsPerWeight ?? 1,
  });
}

/** mean of (x - mean x)(x - mean x)': [groups, inputs, inputs]. */
export function covariance({ groups, inputs }: LinearMap, { gram, seen, sum, count }: Moments): Float64Array {
  const H = new Float64Array(groups * inputs * inputs);
  for (let g = 0; g < groups; g++)
    for (let i = 0; i < inputs; i++)
      for (let j = 0; j < inputs; j++) {
        const k = (g * inputs + i) * inputs + j;
        let product = gram === null ? 0 : (gram[k] as number);
        if (seen !== null) {
          const [a, b] = [(g * inputs + i) * count, (g * inputs + j) * count];
          for (let s = 0; s < count; s++) product += (seen.X[a + s] as number) * (seen.X[b + s] as number);
        }
        H[k] = product / count - ((sum[g * inputs + i] as number) / count) * ((sum[g * inputs + j] as number) / count);
      }
  return H;
}

/** The atoms that take whole columns and whole rows of a layer's matrices with them. */
function atomsOf(
  model: Model,
  walk: Walk,
  { layer, map }: { readonly layer: WeightLayer; readonly map: LinearMap },
): { columns: Atom[][][]; rows: Atom[][][] } {
  const { groups, outputs, inputs } = map;
  const axes = walk.of(layer.name).flatMap((labels, axis) => {
    if (labels === null) return [];
    const leaves = [...labels].map((atom) => walk.atoms.leaves(atom));
    return [{ leaves, at: toMatrix(map, positionsAlong(model, layer, axis)) }];
  });
  const leavesAt = (k: number): Atom[] => axes.flatMap(({ leaves, at }) => leaves[at[k] as number] ?? []);
  const shared = (first: Atom[], places: Iterable<number>): Atom[] => {
    let left = first;
    for (const k of places) {
      if (left.length === 0) break;
      const here = new Set(leavesAt(k));
      left = left.filter((atom) => here.has(atom));
    }
    return left;
  };
  const columns: Atom[][][] = [];
  const rows: Atom[][][] = [];
  for (let g = 0; g < groups; g++) {
    const at = g * outputs * inputs;
    const column = (i: number): number[] => Array.from({ length: outputs }, (_, o) => at + o * inputs + i);
    const row = (o: number): number[] => Array.from({ length: inputs }, (_, i) => at + o * inputs + i);
    columns.push(Array.from({ length: inputs }, (_, i) => [...new Set(shared(leavesAt(at + i), column(i)))]));
    rows.push(Array.from({ length: outputs }, (_, o) => [...new Set(shared(leavesAt(at + o * inputs), row(o)))]));
  }
  return { columns, rows };
}

/** For each weight of a layer, in its order, where it lies along an axis of the file's tensor. */
function positionsAlong(model: Model, layer: WeightLayer, axis: number): Float32Array {
  const { dims } = layer;
  const behind = sizeOf(dims.slice(axis + 1));
  const data = Float32Array.from({ length: layer.size }, (_, k) => Math.floor(k / behind) % (dims[axis] as number));
  const constants = new Map([[layer.name, constantOf({ type: 'float32', dims, data })]]);
  const graph = { ...model.graph, nodes: [], constants };
  const { quantisation: _, ...plain } = layer;
  return Float32Array.from(readWeightsNarrow({ ...model, graph }, [plain]));
}
