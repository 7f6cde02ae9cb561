import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { feedsOf } from '../src/ir/access.ts';
import type { Dimension, Model, ValueInfo } from '../src/ir/model.ts';
import { type Random, random } from '../src/tensor/random.ts';
import { sizeOf, type Tensor, type TensorData } from '../src/tensor/tensor.ts';

/** The folder of shared models: `$COPPICE_SHARED/models`, by default `../shared/models`. */
export const SHARED_MODELS = join(resolve(process.env.COPPICE_SHARED ?? '../shared'), 'models');

/** A model file of the shared folder. */
export interface SharedModel {
  readonly name: string;
  readonly path: string;
}

/** All shared models, the zoo included, by name; empty where the folder is missing. */
export function sharedModels(): SharedModel[] {
  return [SHARED_MODELS, join(SHARED_MODELS, 'zoo')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => file.endsWith('.onnx'))
        .map((file) => join(folder, file)),
    )
    .map((path) => ({ name: basename(path, '.onnx'), path }));
}

/** Zoo models that stock onnxruntime does not run: operators of other makers, and a bfloat16 input that Node cannot feed. */
export const NOT_RUNNABLE: ReadonlySet<string> = new Set([
  'onnxruntime-extensions--gpt2_tok',
  'onnxruntime_go--example_several_inputs_and_outputs',
  'qonnx--bsd300x3-espcn-subpixel--quant_model',
  'qonnx--eltwise_chanlast_testcase',
]);

/** What the symbols of dynamic dimensions may be, where two is too small. */
const SYMBOLS: Readonly<Record<string, number>> = { height: 64, width: 96, sequence: 512, length: 12, T: 7 };

/** Random feeds that fit the declared inputs; symbols are 2 unless {@link SYMBOLS} says otherwise. */
export function randomFeeds(model: Model, seed: number): Map<string, Tensor> {
  const rng = random(seed);
  return new Map(feedsOf(model.graph).map((input) => [input.name, randomTensor(input, rng)]));
}

function randomTensor(info: ValueInfo, rng: Random): Tensor {
  const type = info.type ?? 'float32';
  const dims = (info.shape ?? []).map(sizeOfDimension);
  const size = sizeOf(dims);
  if (info.name === 'sr') return { type, dims, data: BigInt64Array.of(16000n) };
  return { type, dims, data: randomData(type, size, rng) };
}

function randomData(type: string, size: number, rng: Random): TensorData {
  switch (type) {
    case 'float32':
      return Float32Array.from({ length: size }, () => rng.normal());
    case 'float64':
      return Float64Array.from({ length: size }, () => rng.normal());
    case 'float16':
      return Uint16Array.from({ length: size }, () => 0x3000 + rng.integer(0x0c00) + 0x8000 * rng.integer(2));
    case 'int64':
      return BigInt64Array.from({ length: size }, () => BigInt(rng.integer(100)));
    case 'int32':
      return Int32Array.from({ length: size }, () => rng.integer(100));
    case 'uint8':
      return Uint8Array.from({ length: size }, () => rng.integer(100));
    case 'bool':
      return Uint8Array.from({ length: size }, () => rng.integer(2));
    default:
      throw new Error(`no random data of type ${type}`);
  }
}

function sizeOfDimension(dimension: Dimension): number {
  if (typeof dimension === 'number' && dimension > 0) return dimension;
  return typeof dimension === 'string' ? (SYMBOLS[dimension] ?? 2) : 32;
}

/**
 * Runs two models on the same feeds, without graph optimisation.
 *
 * @returns the largest difference of any output element, relative to the largest element of that output; 0 = equal,
 *          Infinity = names, shapes, or strings differ, or one has NaN where the other has not
 */
export async function outputGap(
  a: Model | Uint8Array,
  b: Model | Uint8Array,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<number> {
  const [x, y] = [await outputsOf(a, feeds), await outputsOf(b, feeds)];
  if (x.size !== y.size) return Number.POSITIVE_INFINITY;
  return Math.max(...[...x].map(([name, tensor]) => tensorGap(tensor, y.get(name))));
}

async function outputsOf(model: Model | Uint8Array, feeds: ReadonlyMap<string, Tensor>): Promise<Map<string, Tensor>> {
  const session = await onnxruntimeNode.createSession(model, { optimization: 'none' });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function tensorGap(a: Tensor, b: Tensor | undefined): number {
  if (b === undefined || String(a.dims) !== String(b.dims) || a.type !== b.type) return Number.POSITIVE_INFINITY;
  let gap = 0;
  let largest = 0;
  for (const [i, element] of a.data.entries()) {
    const [x, y] = [element, b.data[i]];
    const [p, q] = a.type === 'float16' ? [halfToNumber(Number(x)), halfToNumber(Number(y))] : [Number(x), Number(y)];
    if (Number.isFinite(p)) largest = Math.max(largest, Math.abs(p));
    if (Object.is(x, y)) continue;
    const difference = Math.abs(p - q);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    gap = Math.max(gap, difference);
  }
  return gap === 0 ? 0 : gap / largest;
}

function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
