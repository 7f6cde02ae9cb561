// Models of a size that shows where memory and time go, with made-up weights, without files of anybody's: VGG-16 by its shapes, one
// layer of many inputs, long chains of nodes, many outputs.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphBuilder } from '../dist/graph/builder.js';
import { writeModel } from '../dist/index.js';
import { random } from '../dist/tensor/random.js';
import { float32 } from '../dist/tensor/tensor.js';

/** Channels of the convolutions of VGG-16 (configuration D), `M` a pooling. Simonyan and Zisserman 2015, table 1. */
const VGG16 = [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M'];

/** Numbers of about a normal distribution: sums of four uniform ones, for a quarter of the time that exact ones take. */
function noise(rng, length, deviation) {
  const values = new Float32Array(length);
  const scale = deviation * Math.sqrt(3);
  for (let i = 0; i < length; i++)
    values[i] = scale * (rng.uniform() + rng.uniform() + rng.uniform() + rng.uniform() - 2);
  return values;
}

function layerMaker(builder, rng) {
  const normal = (dims, deviation) =>
    builder.constant(
      float32(
        noise(
          rng,
          dims.reduce((a, b) => a * b),
          deviation,
        ),
        dims,
      ),
    );
  return {
    conv: (x, from, to) => {
      const filter = normal([to, from, 3, 3], Math.sqrt(2 / (9 * from)));
      return builder.emit('Conv', [x, filter, normal([to], 0.01)], { pads: [1, 1, 1, 1] });
    },
    gemm: (x, from, to) =>
      builder.emit('Gemm', [x, normal([to, from], Math.sqrt(2 / from)), normal([to], 0.01)], { transB: 1 }),
    relu: (x) => builder.emit('Relu', [x]),
  };
}

const built = (builder) => builder.build({ opsets: new Map([['', 17]]), irVersion: 8 });

/** VGG-16: 138,344,128 weights, 138,357,544 with biases. */
export function vgg16({ seed = 1 } = {}) {
  const builder = new GraphBuilder();
  const { conv, gemm, relu } = layerMaker(builder, random(seed));
  let x = builder.input({ name: 'x', type: 'float32', shape: [null, 3, 224, 224] });
  let from = 3;
  for (const step of VGG16) {
    if (step === 'M') x = builder.emit('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
    else {
      x = relu(conv(x, from, step));
      from = step;
    }
  }
  x = relu(gemm(builder.emit('Flatten', [x]), from * 49, 4096));
  x = relu(gemm(x, 4096, 4096));
  builder.output(gemm(x, 4096, 1000), 'y');
  return built(builder);
}

/** A chain of linear layers of these widths, with ReLU between. */
export function chainOfLayers(widths, { seed = 1 } = {}) {
  const builder = new GraphBuilder();
  const { gemm, relu } = layerMaker(builder, random(seed));
  let x = builder.input({ name: 'x', type: 'float32', shape: [null, widths[0]] });
  for (let i = 1; i < widths.length; i++) {
    x = gemm(x, widths[i - 1], widths[i]);
    if (i < widths.length - 1) x = relu(x);
  }
  builder.output(x, 'y');
  return built(builder);
}

/** Writes a model and `count` samples for it: nonnegative, as those behind a ReLU are. @returns { model, data }: a path and an address */
export async function writeChain(folder, name, widths, { count, seed = 1 }) {
  const path = join(folder, `${name}.onnx`);
  await writeModel(path, chainOfLayers(widths, { seed }));
  const rng = random(seed).fork('samples');
  const common = Array.from({ length: 32 }, () => noise(rng, widths[0], 1));
  const x = new Float32Array(count * widths[0]);
  for (let i = 0; i < count; i++) {
    const [shares, own] = [noise(rng, common.length, 0.3), noise(rng, widths[0], 0.5)];
    for (let j = 0; j < widths[0]; j++) {
      let value = own[j];
      for (let c = 0; c < common.length; c++) value += shares[c] * common[c][j];
      x[i * widths[0] + j] = Math.max(0, value);
    }
  }
  const y = BigInt64Array.from({ length: count }, () => BigInt(rng.integer(widths.at(-1))));
  const [xFile, yFile] = [join(folder, `${name}-x-${count}.npy`), join(folder, `${name}-y-${count}.npy`)];
  writeFileSync(xFile, npy('<f4', [count, widths[0]], new Uint8Array(x.buffer)));
  writeFileSync(yFile, npy('<i8', [count], new Uint8Array(y.buffer)));
  return { model: path, data: `npy:${xFile},${yFile}` };
}

/** An array in NumPy's format, version 1. */
export function npy(descr, shape, data) {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = `${dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11, ' ')}\n`;
  const head = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8);
  return Buffer.concat([head, Buffer.from(header), data]);
}
