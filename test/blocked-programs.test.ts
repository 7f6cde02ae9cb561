import { describe, expect, it } from 'vitest';
import { gradientProgram } from '../src/curvature/gradient-program.ts';
import { channelBlock } from '../src/engine/channel-block.ts';
import type { Engine } from '../src/engine/engine.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { EngineError } from '../src/errors/errors.ts';
import { trainingProgram } from '../src/finetune/training-program.ts';
import { NCHWC } from '../src/graph/blocked/words.ts';
import { constantsOf } from '../src/graph/constants.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Constant } from '../src/ir/model.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { chooseLayers } from '../src/pruning/layers.ts';
import { random } from '../src/tensor/random.ts';
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts';

/** A residual block with a wider one behind it, as in ResNet. */
const NET = parseModelText(`
  opset 17
  input x: float32[N, 3, 6, 6]
  const w0: float32[16, 3, 3, 3] = random(1)
  const w1: float32[16, 16, 3, 3] = random(2)
  const w2: float32[32, 16, 3, 3] = random(3)
  const w3: float32[32, 16, 1, 1] = random(4)
  const v: float32[32, 3] = random(5)
  const s0: float32[16] = random(6)
  const s1: float32[16] = random(7)
  const s2: float32[32] = random(8)
  const h0: float32[16] = random(9)
  const h1: float32[16] = random(10)
  const h2: float32[32] = random(11)
  const m16: float32[16] = random(12)
  const m32: float32[32] = random(13)
  const v16: float32[16] = [1, 2, 0.5, 1, 1, 3, 1, 1, 0.25, 1, 1, 2, 1, 1, 4, 1]
  const v32: float32[32] = [1, 2, 0.5, 1, 1, 3, 1, 1, 0.25, 1, 1, 2, 1, 1, 4, 1, 1, 2, 0.5, 1, 1, 3, 1, 1, 0.25, 1, 1, 2, 1, 1, 4, 1]
  c0 = Conv(x, w0) { pads: [1, 1, 1, 1] }
  n0 = BatchNormalization(c0, s0, h0, m16, v16)
  r0 = Relu(n0)
  c1 = Conv(r0, w1) { pads: [1, 1, 1, 1] }
  n1 = BatchNormalization(c1, s1, h1, m16, v16)
  a1 = Add(n1, r0)
  r1 = Relu(a1)
  c2 = Conv(r1, w2) { pads: [1, 1, 1, 1], strides: [2, 2] }
  n2 = BatchNormalization(c2, s2, h2, m32, v32)
  c3 = Conv(r1, w3) { strides: [2, 2] }
  a2 = Add(n2, c3)
  r2 = Relu(a2)
  g = GlobalAveragePool(r2)
  f = Flatten(g)
  y = MatMul(f, v)
  output y
`);

const SAMPLES = 8;
const rng = random(1);
const feeds = new Map<string, Tensor>([
  [
    'x',
    float32(
      Float32Array.from({ length: SAMPLES * 108 }, () => rng.normal()),
      [SAMPLES, 3, 6, 6],
    ),
  ],
]);
const fed = new Map<string, Tensor>([...feeds, ['labels', int64(Array.from({ length: SAMPLES }, (_, i) => i % 3))]]);

/** The runtime without its own operators; and how often the others asked for them. */
const plain: Engine = {
  ...onnxruntimeNode,
  createSession: async (model, options) => {
    if (!(model instanceof Uint8Array) && model.opsets.has(NCHWC)) throw new EngineError('standard operators only');
    return onnxruntimeNode.createSession(model, options);
  },
};

function close(found: Float32Array, wanted: Float32Array, what: string): void {
  const most = wanted.reduce((top, x) => Math.max(top, Math.abs(x)), 1e-6);
  const worst = found.reduce((top, x, i) => Math.max(top, Math.abs(x - (wanted[i] as number))), 0);
  expect(worst / most, what).toBeLessThan(2e-5);
}

describe.skipIf((await channelBlock(onnxruntimeNode)) === 1)('gradient graphs in blocks', () => {
  const step = async (engine: Engine, frozenStatistics: boolean, threads = 1) => {
    const program = await trainingProgram({
      engine,
      model: NET,
      loss: 'cross-entropy',
      feeds,
      samples: SAMPLES,
      frozenStatistics,
      threads,
    });
    const values = new Map(
      program.parameters.map(({ name }) => [
        name,
        tensorOf(constantsOf(NET.graph).get(name) as Constant).data as Float32Array,
      ]),
    );
    const result = await program.run(fed, values);
    await program.release();
    return { ...result, names: program.parameters.map(({ name }) => name) };
  };

  it.each([false, true])('train as standard operators do (statistics frozen: %s)', async (frozen) => {
    const [found, wanted] = [await step(onnxruntimeNode, frozen), await step(plain, frozen)];
    close(found.losses, wanted.losses, 'losses');
    expect(found.measured).toHaveLength(frozen ? 0 : 3);
    found.names.forEach((name, i) => {
      close(found.gradients[i] as Float32Array, wanted.gradients[i] as Float32Array, name);
    });
    found.measured.forEach(({ mean, variance }, i) => {
      close(mean, (wanted.measured[i] as (typeof found.measured)[number]).mean, `mean ${i}`);
      close(variance, (wanted.measured[i] as (typeof found.measured)[number]).variance, `variance ${i}`);
    });
  });

  it('train to the same bits on one thread and on two', async () => {
    const [one, two] = [await step(onnxruntimeNode, false, 1), await step(onnxruntimeNode, false, 2)];
    expect(two).toEqual(one);
  });

  it.each([1, 2, 4, 8])('give rows of %i samples as standard operators do', async (mean) => {
    const { layers } = chooseLayers(NET, {});
    const rows = async (engine: Engine): Promise<Float32Array[]> => {
      const program = await gradientProgram(engine, {
        model: NET,
        layers,
        loss: 'cross-entropy',
        feeds,
        samples: SAMPLES,
        mean,
      });
      const { gradients } = await program.run(fed);
      expect(program.rows).toBe(SAMPLES / mean);
      await program.release();
      return gradients as Float32Array[];
    };
    const [found, wanted] = [await rows(onnxruntimeNode), await rows(plain)];
    found.forEach((gradient, i) => {
      close(gradient, wanted[i] as Float32Array, layers[i]?.name ?? '');
    });
  });
});
