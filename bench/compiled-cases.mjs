// The models that compiled programs are timed on, by name: resnet20-90 = the smallest 90 % of all weights together are zero, -each: of each layer.
import { resolve } from 'node:path';
import { randomFeeds } from '../dist/data/feeds.js';
import { constantOf, tensorOf } from '../dist/ir/access.js';
import { readModel } from '../dist/onnx/files.node.js';
import { random } from '../dist/tensor/random.js';

const SHARED = process.env.COPPICE_SHARED ?? resolve(import.meta.dirname, '../../shared');
const FILES = {
  resnet20: 'resnet20-cifar10.onnx',
  mobilenet: 'mobilenet-v1-075-imagenet.onnx',
  mlpnet: 'mlpnet-mnist.onnx',
  stories: 'stories260k.onnx',
  story: 'stories260k.onnx',
};
/** Weights below this many numbers are left whole. */
const SMALLEST = 400;
/** Sizes of stories' open dimension: a text, and one token. */
const TOKENS = { stories: 128, story: 1 };

/** Zeros the smallest weights: of all layers together, or of each. */
function pruned(model, share, each) {
  if (share === 0) return model;
  const weights = [...model.graph.constants].filter(
    ([, { type, dims, raw }]) => type === 'float32' && dims.length > 1 && raw.byteLength >= 4 * SMALLEST,
  );
  const magnitudes = weights.map(([, w]) => Float32Array.from(tensorOf(w).data, Math.abs));
  const boundOf = (sizes) => sizes.sort()[Math.floor(share * sizes.length)];
  const whole = boundOf(Float32Array.from(magnitudes.flatMap((sizes) => [...sizes])));
  const thin = weights.map(([name, constant], i) => {
    const tensor = tensorOf(constant);
    const bound = each ? boundOf(magnitudes[i]) : whole;
    return [name, constantOf({ ...tensor, data: tensor.data.map((w) => (Math.abs(w) < bound ? 0 : w)) })];
  });
  return { ...model, graph: { ...model.graph, constants: new Map([...model.graph.constants, ...thin]) } };
}

/** The model that a name means. */
export async function prunedModel(name) {
  const [file, percent, how] = name.split('-');
  return pruned(await readModel(`${SHARED}/models/${FILES[file]}`), Number(percent) / 100, how === 'each');
}

/** Made-up inputs of it, one sample. */
export async function randomInputs(model, name) {
  const open = TOKENS[name.split('-')[0]] ?? 1;
  return (await randomFeeds(model, { rng: random(1), count: 1, open }).feeds([0])).inputs;
}
