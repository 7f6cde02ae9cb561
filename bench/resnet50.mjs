// A model with the shapes of ResNet-50 and made-up weights, and made-up pictures for it: what a run of that size takes, without
// files of anybody's. `resnet50({ width })` makes a narrower one of the same depth.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphBuilder } from '../dist/graph/builder.js';
import { writeModel } from '../dist/onnx/files.node.js';
import { random } from '../dist/tensor/random.js';
import { float32 } from '../dist/tensor/tensor.js';

const STAGES = [
  { blocks: 3, channels: 64, stride: 1 },
  { blocks: 4, channels: 128, stride: 2 },
  { blocks: 6, channels: 256, stride: 2 },
  { blocks: 3, channels: 512, stride: 2 },
];
const EXPANSION = 4;
const CLASSES = 1000;

/**
 * ResNet-50 (bottleneck blocks, the stride in the 3 x 3 convolution) with weights by He's rule. Batch norms have the statistics that
 * such weights lead to: a convolution of ReLU(x) gives the variance of x, and every block adds 1 to that of the stream.
 */
export function resnet50({ width = 1, seed = 1 } = {}) {
  const rng = random(seed);
  const builder = new GraphBuilder();
  const scaled = (channels) => Math.round(channels * width);
  const normal = (dims, deviation) =>
    builder.constant(
      float32(
        Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => deviation * rng.normal()),
        dims,
      ),
    );
  const each = (length, value) => builder.constant(float32(new Float32Array(length).fill(value), [length]));
  const conv = (x, [from, to], kernel, stride, variance) => {
    const filter = normal([to, from, kernel, kernel], Math.sqrt(2 / (from * kernel * kernel)));
    const pad = kernel >> 1;
    const y = builder.emit('Conv', [x, filter], { pads: [pad, pad, pad, pad], strides: [stride, stride] });
    return builder.emit('BatchNormalization', [y, each(to, 1), each(to, 0), each(to, 0), each(to, variance)]);
  };
  const relu = (x) => builder.emit('Relu', [x]);

  let from = scaled(64);
  let x = builder.input({ name: 'x', type: 'float32', shape: [null, 3, 224, 224] });
  x = relu(conv(x, [3, from], 7, 2, 2)); // pictures of unit variance
  x = builder.emit('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let variance = 2; // the largest of nine has about that second moment
  for (const { blocks, channels, stride } of STAGES)
    for (let block = 0; block < blocks; block++) {
      const [inner, outer, step] = [scaled(channels), scaled(channels) * EXPANSION, block === 0 ? stride : 1];
      let y = relu(conv(x, [from, inner], 1, 1, variance));
      y = relu(conv(y, [inner, inner], 3, step, 1));
      y = conv(y, [inner, outer], 1, 1, 1);
      const shortcut = block === 0 ? conv(x, [from, outer], 1, step, variance) : x;
      x = relu(builder.emit('Add', [y, shortcut]));
      variance = block === 0 ? 2 : variance + 1;
      from = outer;
    }
  const flat = builder.emit('Flatten', [builder.emit('GlobalAveragePool', [x])]);
  const fc = normal([CLASSES, from], Math.sqrt(1 / from));
  builder.output(builder.emit('Gemm', [flat, fc, each(CLASSES, 0)], { transB: 1 }), 'y');
  return builder.build({ opsets: new Map([['', 17]]), irVersion: 8 });
}

/** Writes the model and `count` noisy pictures with labels. @returns { model, data }: a path and an address */
export async function writeResnet50(folder, { count, width = 1, seed = 1 }) {
  const rng = random(seed).fork('pictures');
  const path = join(folder, `resnet50-${width}.onnx`);
  await writeModel(path, resnet50({ width, seed }));
  const size = 3 * 224 * 224;
  const pictures = Uint8Array.from({ length: count * size }, () => rng.integer(256));
  const labels = BigInt64Array.from({ length: count }, () => BigInt(rng.integer(CLASSES)));
  const [x, y] = [join(folder, `pictures-${count}.npy`), join(folder, `labels-${count}.npy`)];
  writeFileSync(x, npy('|u1', [count, 3, 224, 224], pictures));
  writeFileSync(y, npy('<i8', [count], new Uint8Array(labels.buffer)));
  return { model: path, data: `npy:${x},${y}` };
}

/** An array in NumPy's format, version 1. */
function npy(descr, shape, data) {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11, ' ')}\n`;
  const head = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8);
  return Buffer.concat([head, Buffer.from(header), data]);
}
