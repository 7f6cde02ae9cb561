import { numberToHalf } from '../data/half.ts';
import { OnnxDecodeError, ShapeError } from '../errors/errors.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { widenConstant } from '../graph/passes/widen-floats.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { constantOf, tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

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
    const stored = tensorOf(constant.type === 'float16' ? widenConstant(constant) : constant).data as Float32Array;
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

/** The same model with other weights in the layers; everything else is shared. w: [p], rounded to the type of each. */
export function writeWeights(model: Model, layers: readonly WeightLayer[], w: Float64Array): Model {
  const constants = constantsOf(model.graph);
  const replacements = new Map<string, Constant>();
  let start = 0;
  for (const layer of layers) {
    const stored = new Float32Array(layer.size);
    for (let i = 0; i < layer.size; i++) stored[storedPosition(layer, i)] = w[start + i] as number;
    const half = constants.get(layer.name)?.type === 'float16';
    const tensor: Tensor = half
      ? { type: 'float16', dims: layer.dims, data: Uint16Array.from(stored, numberToHalf) }
      : { type: 'float32', dims: layer.dims, data: stored };
    replacements.set(layer.name, constantOf(tensor));
    start += layer.size;
  }
  return { ...model, graph: replaceConstants(model.graph, replacements) };
}

/** Where element i of the layer's order lies in the file's order. */
export function storedPosition({ order, dims }: WeightLayer, i: number): number {
  if (order === 'stored') return i;
  const [rows, columns] = dims as [number, number];
  return (i % rows) * columns + Math.floor(i / rows);
}
