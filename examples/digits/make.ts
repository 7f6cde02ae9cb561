// Draws the digits, trains the network on them and writes model.onnx, train.npz and test.npz beside this file's source.
// Run by `npm run example:make`.
import { mkdir, writeFile } from 'node:fs/promises';
import { onnxruntimeNode } from '../../src/engine/onnxruntime.node.ts';
import type { Model } from '../../src/ir/model.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { random } from '../../src/tensor/random.ts';
import { accuracyOf } from './accuracy.ts';
import { type DrawnDigits, drawDigits } from './draw.ts';
import { digitsModel } from './model.ts';
import { npz } from './npz.ts';
import { SIZE } from './plane.ts';
import { samplesOf } from './samples.ts';
import { TRAIN_DEFAULTS, train } from './train.ts';

/** Drawings that the network is trained on. Only the first of them are shipped. */
const TRAINING = 30_000;
const SHIPPED = 6_000;
const TEST = 2_000;
const FOLDER = 'examples/digits';

const onProgress = ({ done, total, note }: { done: number; total: number; note?: string }) =>
  console.error(`training: epoch ${done} of ${total}, ${note}`);

console.error(`drawing ${TRAINING} digits for training and ${TEST} for testing`);
const training = drawDigits('train', TRAINING);
const test = drawDigits('test', TEST);
const data = samplesOf(training);
const model = await train(onnxruntimeNode, digitsModel(random('digits')), data, { ...TRAIN_DEFAULTS, onProgress });

await mkdir(FOLDER, { recursive: true });
await write('model.onnx', encodeModel(model));
await write('train.npz', packed(training, SHIPPED));
await write('test.npz', packed(test, TEST));
await show('training', model, training);
await show('test', model, test);

function packed({ pictures, labels }: DrawnDigits, count: number): Uint8Array {
  const x = { dims: [count, 1, SIZE, SIZE], data: pictures.subarray(0, count * SIZE * SIZE) };
  return npz({ x, y: { dims: [count], data: labels.subarray(0, count) } });
}

async function write(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${FOLDER}/${name}`, bytes);
  console.error(`${FOLDER}/${name}: ${(bytes.length / 1000).toFixed(0)} kB`);
}

async function show(name: string, trained: Model, digits: DrawnDigits): Promise<void> {
  const accuracy = await accuracyOf(onnxruntimeNode, trained, samplesOf(digits));
  console.log(`accuracy on the ${name} drawings: ${(100 * accuracy).toFixed(2)} %`);
}
