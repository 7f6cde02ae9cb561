import { backward } from '../../src/autodiff/backward.ts';
import { capture } from '../../src/engine/capture.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Model } from '../../src/ir/model.ts';
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { type Parameters, trainable } from './parameters.ts';
import type { Samples } from './samples.ts';

/** Computes the loss of a batch and its gradients. */
export interface Gradients {
  /** @returns the mean cross-entropy, and its gradient for each trainable parameter */
  of(parameters: Parameters, batch: Samples): Promise<{ loss: number; gradients: Map<string, Tensor<Float32Array>> }>;
  release(): Promise<void>;
}

const LABELS = 'labels';
const LOSS = 'loss';
const prefixed = (name: string): string => `gradient of ${name}`;

/**
 * Builds the gradient graph of a classifier: one input, logits [n, classes] as its one output.
 *
 * The parameters are fed with each batch, so one session serves the whole training. Every batch has to be as large as
 * the example, whose shapes go into the graph.
 */
export async function gradientsOf(engine: Engine, model: Model, example: Samples): Promise<Gradients> {
  const { graph } = model;
  const x = graph.inputs[0]?.name ?? '';
  const captured = await capture(engine, model, new Map([[x, example.x]]));
  const builder = new GraphBuilder({ ...graph, constants: new Map() });
  for (const [name, { type, dims }] of graph.constants) builder.input({ name, type, shape: dims });
  const logits = graph.outputs[0]?.name ?? '';
  const cotangent = crossEntropy(builder, logits, captured.get(logits)?.dims ?? []);
  const targets = trainable(graph);
  const cotangents = new Map([[logits, cotangent]]);
  const gradients = backward({ builder, graph, captured, opset: model.opsets.get('') ?? 17, cotangents, targets });
  for (const [name, gradient] of gradients) builder.output(gradient, prefixed(name));
  const session = await engine.createSession(builder.build({ opsets: model.opsets }));
  return {
    async of(parameters, batch) {
      const feeds = new Map<string, Tensor>([...parameters, [x, batch.x], [LABELS, batch.labels]]);
      const outputs = (await session.run(feeds)) as Map<string, Tensor<Float32Array>>;
      const found = targets.map((name) => [name, outputs.get(prefixed(name)) as Tensor<Float32Array>] as const);
      return { loss: outputs.get(LOSS)?.data[0] as number, gradients: new Map(found) };
    },
    release: () => session.release(),
  };
}

/**
 * Adds the mean cross-entropy with integer labels as an output.
 *
 *   loss = -1/n sum_i log p_i[label_i]      d loss / d logits = (p - one-hot) / n,   p = softmax(logits)
 *
 * @returns the name of the gradient with respect to the logits
 */
function crossEntropy(builder: GraphBuilder, logits: string, dims: readonly number[]): string {
  const [n, classes] = dims as [number, number];
  const labels = builder.input({ name: LABELS, type: 'int64', shape: [n] });
  const logP = builder.emit('LogSoftmax', [logits], { axis: 1 });
  const [depth, values] = [builder.constant(int64([classes], [])), builder.constant(float32([0, 1], [2]))];
  const oneHot = builder.emit('OneHot', [labels, depth, values], { axis: 1 });
  const total = builder.emit('ReduceSum', [builder.emit('Mul', [logP, oneHot])], { keepdims: 0 });
  builder.output(builder.emit('Div', [total, builder.scalar(-n)]), LOSS);
  const error = builder.emit('Sub', [builder.emit('Exp', [logP]), oneHot]);
  return builder.emit('Div', [error, builder.scalar(n)]);
}
