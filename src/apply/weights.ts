import { OnnxDecodeError, ShapeError } from '../errors/errors.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';

/**
 * The weights of the layers, one after another, each in its layer's order (see WeightLayer.order): [p] f64.
 *
 * @throws OnnxDecodeError if a weight is NaN or infinite
 */
export function readWeights(model: Model, layers: readonly WeightLayer[]): Float64Array {
  const constants = constantsOf(model.graph);
  const w = new Float64Array(layers.reduce((sum, layer) => sum + layer.size, 0));
  let start = 0;
  for (const layer of layers) {
    const constant = constants.get(layer.name);
    if (constant === undefined)
      throw new ShapeError(`Cannot read weight "${layer.name}": the model has no such constant`);
    const stored = tensorOf(constant).data as Float32Array;
    const part = w.subarray(start, start + layer.size);
    for (let i = 0; i < layer.size; i++) part[i] = stored[storedPosition(layer, i)] as number;
    const bad = part.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0)
      throw new OnnxDecodeError(
        `Cannot prune weight "${layer.name}": element ${bad} is ${part[bad]}; repair the model first, or leave the layer out (--exclude)`,
      );
    start += layer.size;
  }
  return w;
}

/** The same model with other weights in the layers; everything else is shared. w: [p], rounded to f32. */
export function writeWeights(model: Model, layers: readonly WeightLayer[], w: Float64Array): Model {
  const replacements = new Map<string, Constant>();
  let start = 0;
  for (const layer of layers) {
    const stored = new Float32Array(layer.size);
    for (let i = 0; i < layer.size; i++) stored[storedPosition(layer, i)] = w[start + i] as number;
    replacements.set(layer.name, constantOf({ type: 'float32', dims: layer.dims, data: stored }));
    start += layer.size;
  }
  return { ...model, graph: replaceConstants(model.graph, replacements) };
}

/** Where element i of the layer's order lies in the file's order. */
function storedPosition({ order, dims }: WeightLayer, i: number): number {
  if (order === 'stored') return i;
  const [rows, columns] = dims as [number, number];
  return (i % rows) * columns + Math.floor(i / rows);
}
