import { countNonzeros } from '../constraints/constraint.ts';
import { OnnxDecodeError, ShapeError } from '../errors/errors.ts';
import { gather, isStored, positionOf, scatter } from '../graph/arrangement.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Constant, Model } from '../ir/model.ts';
import { constantLike, numbersOf } from './stored-numbers.ts';

/**
 * The weights of the layers, one after another, each in its layer's order (see WeightLayer.order): [p] f64.
 *
 * @throws OnnxDecodeError if a weight is NaN or infinite
 */
export function readWeights(model: Model, layers: readonly WeightLayer[]): Float64Array {
  return readInto(model, layers, new Float64Array(sizeOfAll(layers)));
}

/** The same in the narrowest type that holds all of them exactly: half the memory where no weight is float64. */
export function readWeightsNarrow(model: Model, layers: readonly WeightLayer[]): Float64Array | Float32Array {
  const constants = constantsOf(model.graph);
  const isWide = layers.some(({ name, quantisation }) => quantisation || constants.get(name)?.type === 'float64');
  return isWide ? readWeights(model, layers) : readInto(model, layers, new Float32Array(sizeOfAll(layers)));
}

/** Layer after layer, so that no more than one is in memory at once. */
export function* eachLayer(
  model: Model,
  layers: readonly WeightLayer[],
): Generator<{ layer: WeightLayer; w: Float64Array | Float32Array }> {
  for (const layer of layers) yield { layer, w: readWeightsNarrow(model, [layer]) };
}

/** Nonzero weights of each layer. Cost: one pass, one layer in memory at a time. */
export function countKept(model: Model, layers: readonly WeightLayer[]): number[] {
  const counts: number[] = [];
  for (const { w } of eachLayer(model, layers)) counts.push(countNonzeros(w));
  return counts;
}

function sizeOfAll(layers: readonly WeightLayer[]): number {
  return layers.reduce((sum, layer) => sum + layer.size, 0);
}

function readInto<T extends Float64Array | Float32Array>(model: Model, layers: readonly WeightLayer[], w: T): T {
  const constants = constantsOf(model.graph);
  let start = 0;
  for (const layer of layers) {
    readLayer(constants, layer, w.subarray(start, start + layer.size));
    start += layer.size;
  }
  return w;
}

function readLayer<T extends Float64Array | Float32Array>(
  constants: ReadonlyMap<string, Constant>,
  layer: WeightLayer,
  part: T,
): T {
  const constant = constants.get(layer.name);
  if (constant === undefined)
    throw new ShapeError(`Cannot read weight "${layer.name}": the model has no such constant`);
  if (isStored(layer.order) && part instanceof Float32Array && isPlain(constant, part)) bytesOf(part).set(constant.raw);
  else {
    const stored = numbersOf(constant, layer.quantisation);
    if (isStored(layer.order)) part.set(stored);
    else gather(layer.order, stored, part);
  }
  for (let i = 0; i < part.length; i++) {
    if (Number.isFinite(part[i])) continue;
    throw new OnnxDecodeError(
      `Cannot prune weight "${layer.name}": element ${i} is ${part[i]}; repair the model first, or leave the layer out (--exclude)`,
    );
  }
  return part;
}

/** Whether a constant's bytes are those of f32 numbers as they are. */
function isPlain(constant: Constant, { byteLength }: Float32Array): constant is Constant & { raw: Uint8Array } {
  const { type, raw } = constant;
  return type === 'float32' && raw instanceof Uint8Array && raw.byteLength === byteLength;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * The same model with other weights in the layers; everything else is shared. Of weights in f32 that lie as the file wants them
 * the model keeps the array itself, which must not change afterwards.
 *
 * @param w  [p], rounded to the type of each
 */
export function writeWeights(model: Model, layers: readonly WeightLayer[], w: Float64Array | Float32Array): Model {
  const constants = constantsOf(model.graph);
  const replacements = new Map<string, Constant>();
  let start = 0;
  for (const layer of layers) {
    const old = constants.get(layer.name);
    if (old === undefined) throw new ShapeError(`Cannot write weight "${layer.name}": the model has no such constant`);
    const stored = inStoredOrder(layer, w.subarray(start, start + layer.size));
    replacements.set(layer.name, constantLike({ ...old, dims: layer.dims }, stored, layer.quantisation));
    start += layer.size;
  }
  return { ...model, graph: replaceConstants(model.graph, replacements) };
}

function inStoredOrder(layer: WeightLayer, w: Float64Array | Float32Array): Float64Array | Float32Array {
  if (isStored(layer.order)) return w;
  const stored = w instanceof Float32Array ? new Float32Array(layer.size) : new Float64Array(layer.size);
  scatter(layer.order, w, stored);
  return stored;
}

/** Where element i of the layer's order lies in the file's order. */
export function storedPosition({ order }: Pick<WeightLayer, 'order'>, i: number): number {
  return positionOf(order, i);
}
