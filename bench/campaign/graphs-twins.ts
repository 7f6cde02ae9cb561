import { sparsity } from '../../src/budget/budget.ts';
import { onnxruntimeNode as engine } from '../../src/engine/onnxruntime.node.ts';
import { liftOpset } from '../../src/graph/passes/lift-opset.ts';
import type { Model } from '../../src/ir/model.ts';
import type { Method } from '../../src/methods/list.ts';
import { prune } from '../../src/methods/prune.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { type Drawn, drawn, SAMPLES } from './random-graph.ts';

/** How much worse than its twin, or than magnitude, a result may be: a factor and a part of the outputs' variance. */
const SLACK = { factor: 1.5, part: 0.03 };

/** The same network with weights moved and not moved: alike before, and no worse after; and no method worse than magnitude. */
export async function twinsOf(key: string): Promise<Verdict> {
  const [net, twin] = [drawn(key), drawn(key, { unmoved: true })];
  const dense = await outputsOf(net.model, net);
  if (variance(dense) < 1e-8) return RIGHT;
  if (errorOf(dense, await outputsOf(twin.model, twin)) > 1e-6)
    return wrong('the twins differ: the campaign is at fault');
  if (errorOf(dense, await outputsOf(liftOpset(endingIn(net.model, net.logits)), net)) > 1e-6)
    return wrong('the lifted graph gives other values');
  const [magnitude, solved, plain] = [
    await pruned(net, 'magnitude'),
    await pruned(net, 'reconstruct'),
    await pruned(twin, 'reconstruct'),
  ];
  const errors = { magnitude: errorOf(dense, magnitude), solved: errorOf(dense, solved), plain: errorOf(dense, plain) };
  if (!Number.isFinite(errors.solved)) return wrong('reconstruct: outputs are not finite');
  if (errors.solved > SLACK.factor * errors.plain + SLACK.part)
    return wrong('reconstruct: moved weights worse than unmoved ones');
  if (errors.plain > SLACK.factor * errors.solved + SLACK.part)
    return wrong('reconstruct: unmoved weights worse than moved ones');
  return errors.solved <= SLACK.factor * errors.magnitude + SLACK.part
    ? RIGHT
    : wrong('reconstruct: worse than magnitude on its own samples');
}

const all = Int32Array.from({ length: SAMPLES }, (_, i) => i);

function endingIn(model: Model, name: string): Model {
  return { ...model, graph: { ...model.graph, outputs: [{ name, type: null, shape: null }] } };
}

async function outputsOf(model: Model, { source, logits }: Drawn): Promise<Float32Array> {
  const session = await engine.createSession(encodeModel(endingIn(model, logits)), { threads: 1 });
  try {
    const { inputs } = await source.feeds(all);
    return ((await session.run(inputs)).get(logits) as Tensor<Float32Array>).data;
  } finally {
    await session.release();
  }
}

async function pruned(net: Drawn, method: Method): Promise<Float32Array> {
  const { model } = await prune(net.model, {
    engine,
    budget: sparsity(0.5),
    method,
    ...(method !== 'magnitude' && { source: net.source, samples: SAMPLES }),
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
