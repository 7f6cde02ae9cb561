import { sparsity } from '../../src/budget/budget.ts';
import type { Model } from '../../src/ir/model.ts';
import type { Method } from '../../src/methods/list.ts';
import { prune } from '../../src/methods/prune.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { random } from '../../src/tensor/random.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { type Drawn, drawn, SAMPLES, sayingOf } from './random-graph.ts';

/** How much worse than its twin, or than magnitude, a result may be: a factor and a part of the outputs' variance. */
const SLACK = { factor: 1.5, part: 0.03 };

/** One case in so many is also given to the default method, which promises to be no worse than magnitude. */
const BY_DEFAULT = 6;
/** Sample gradients that it may take. */
const GRADIENTS = 240;

/** The same network with weights moved and not moved: alike before, and no worse after; and the default method no worse than magnitude. */
export async function twinsOf(key: string): Promise<Verdict> {
  const [net, twin] = [drawn(key), drawn(key, { unmoved: true })];
  const dense = await outputsOf(net.model, net);
  if (variance(dense) < 1e-8) return RIGHT;
  if (errorOf(dense, await outputsOf(twin.model, twin)) > 1e-6)
    return wrong('the twins differ: the campaign is at fault');
  if (random(`${key}/twins`).integer(BY_DEFAULT) === 0) return byDefault(net, dense);
  const [solved, plain] = [
    errorOf(dense, await pruned(net, 'reconstruct')),
    errorOf(dense, await pruned(twin, 'reconstruct')),
  ];
  if (!Number.isFinite(solved)) return wrong('reconstruct: outputs are not finite');
  if (solved > SLACK.factor * plain + SLACK.part) return wrong('reconstruct: moved weights worse than unmoved ones');
  return plain > SLACK.factor * solved + SLACK.part
    ? wrong('reconstruct: unmoved weights worse than moved ones')
    : RIGHT;
}

async function byDefault(net: Drawn, dense: Float32Array): Promise<Verdict> {
  const magnitude = errorOf(dense, await pruned(net, 'magnitude'));
  const found = errorOf(dense, await pruned(net, 'auto'));
  if (!Number.isFinite(found)) return wrong('auto: outputs are not finite');
  return found <= SLACK.factor * magnitude + SLACK.part
    ? RIGHT
    : wrong('auto: worse than magnitude on its own samples');
}

const all = Int32Array.from({ length: SAMPLES }, (_, i) => i);

/** The model up to a value, of batches of any size. */
function endingIn(model: Model, name: string): Model {
  const inputs = model.graph.inputs.map((input) => ({ ...input, shape: null }));
  return { ...model, graph: { ...model.graph, inputs, outputs: [{ name, type: null, shape: null }] } };
}

async function outputsOf(model: Model, { engine, source, raw }: Drawn): Promise<Float32Array> {
  const session = await engine.createSession(encodeModel(endingIn(model, raw)));
  try {
    const { inputs } = await source.feeds(all);
    return ((await session.run(inputs)).get(raw) as Tensor<Float32Array>).data;
  } finally {
    await session.release();
  }
}

async function pruned(net: Drawn, method: Method): Promise<Float32Array> {
  const { model } = await prune(net.model, {
    engine: net.engine,
    budget: sparsity(0.5),
    method,
    ...(method !== 'magnitude' && { source: net.source }),
    ...(method === 'reconstruct' && { samples: SAMPLES }),
    ...(method === 'auto' && { gradients: GRADIENTS, ...sayingOf(net) }),
  });
  return outputsOf(decodeModel(encodeModel(model)), net);
}

function variance(y: Float32Array): number {
  const mean = y.reduce((sum, x) => sum + x, 0) / y.length;
  return y.reduce((sum, x) => sum + (x - mean) ** 2, 0);
}

function errorOf(dense: Float32Array, other: Float32Array): number {
  return dense.reduce((sum, x, i) => sum + (x - (other[i] as number)) ** 2, 0) / variance(dense);
}
