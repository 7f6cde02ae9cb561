import { countNonzeros } from '../constraints/constraint.ts';
import { OnnxDecodeError, ShapeError } from '../errors/errors.ts';
import { gather, isStored, positionOf, scatter } from '../graph/arrangement.ts';
import { constantsOf, replaceConstants } from '../graph/constants.ts';
import type { WeightLayer } from '../graph/weights.ts';
import { tensorOf } from '../ir/access.ts';
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

/**
 * The weights of one layer in its order, to be looked at and not to be changed: those of the model itself where they lie as they are to be
 * read, else a copy.
 *
 * @throws OnnxDecodeError if a weight is NaN or infinite
 */
export function viewWeights(model: Model, layer: WeightLayer): Float64Array | Float32Array {
  return viewOf(constantsOf(model.graph), layer);
}

function viewOf(constants: ReadonlyMap<string, Constant>, layer: WeightLayer): Float64Array | Float32Array {
  const constant = constantNamed(constants, layer);
  if (constant.type === 'float32' && layer.quantisation === undefined && isStored(layer.order)) {
    const w = tensorOf(constant).data as Float32Array;
    refuseNonFinite(layer, w, constant);
    return w;
  }
  const isWide = layer.quantisation !== undefined || constant.type === 'float64';
  return readLayer(constants, layer, isWide ? new Float64Array(layer.size) : new Float32Array(layer.size));
}

/** What was counted of weights before, by their bytes, which do not change. */
const COUNTED = new WeakMap<object, number>();

/** Nonzero weights of each layer. Cost: one pass the first time, one layer in memory at a time. */
export function countKept(model: Model, layers: readonly WeightLayer[]): number[] {
  const constants = constantsOf(model.graph);
  return layers.map((layer) => {
    const { raw } = constantNamed(constants, layer);
    const counted = COUNTED.get(raw);
    if (counted !== undefined && layer.quantisation === undefined) return counted;
    const count = countNonzeros(viewOf(constants, layer));
    if (layer.quantisation === undefined) COUNTED.set(raw, count);
    return count;
  });
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
  const constant = constantNamed(constants, layer);
  if (isStored(layer.order) && part instanceof Float32Array && isPlain(constant, part)) bytesOf(part).set(constant.raw);
  else {
    const stored = numbersOf(constant, layer.quantisation);
    if (isStored(layer.order)) part.set(stored);
    else gather(layer.order, stored, part);
  }
  refuseNonFinite(layer, part, constant);
  return part;
}

function constantNamed(constants: ReadonlyMap<string, Constant>, { name }: WeightLayer): Constant {
  const constant = constants.get(name);
  if (constant === undefined) throw new ShapeError(`Cannot read weight "${name}": the model has no such constant`);
  return constant;
}

/** Bytes of weights that were found finite, which do not change. */
const FINITE = new WeakSet<object>();

/** @param w  all elements of the constant, in whatever order */
function refuseNonFinite({ name }: WeightLayer, w: Float64Array | Float32Array, { raw }: Constant): void {
  if (FINITE.has(raw)) return;
  let sum = 0;
  for (let i = 0; i < w.length; i++) sum += (w[i] as number) * 0; // NaN from the first that is not finite
  if (sum === 0) {
    FINITE.add(raw);
    return;
  }
  const i = w.findIndex((x) => !Number.isFinite(x));
  throw new OnnxDecodeError(
    `Cannot prune weight "${name}": element ${i} is ${w[i]}; repair the model first, or leave the layer out`,
    { remedies: [{ option: 'exclude', value: name }] },
  );
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
