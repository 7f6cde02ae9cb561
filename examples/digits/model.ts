import { constantOf, node } from '../../src/ir/access.ts';
import type { Constant, Model, Node } from '../../src/ir/model.ts';
import type { Random } from '../../src/tensor/random.ts';
import { float32, sizeOf } from '../../src/tensor/tensor.ts';
import { SIZE } from './plane.ts';

/** Channels of the two convolutions, units of the hidden layer, classes. */
const [FIRST, SECOND, HIDDEN, CLASSES] = [8, 16, 64, 10];
const KERNEL = 5;
const PADDING = (KERNEL - 1) / 2;

/**
 * A small convolutional network for the digits, not trained yet.
 *
 * x [N, 1, 28, 28] -> conv 5x5, batch norm, relu, average-pool -> the same again -> linear, relu -> linear -> logits [N, 10];
 * 54,216 weights in four layers. Weights are normal with variance 2 / fan-in (He), biases zero, batch norm the identity.
 */
export function digitsModel(rng: Random): Model {
  const constants = new Map<string, Constant>();
  const weight = (name: string, dims: readonly number[]): string => {
    const deviation = Math.sqrt(2 / (sizeOf(dims) / (dims[0] as number)));
    constants.set(
      name,
      constantOf(
        float32(
          Float32Array.from({ length: sizeOf(dims) }, () => deviation * rng.normal()),
          dims,
        ),
      ),
    );
    return name;
  };
  const filled = (name: string, length: number, value: number): string => {
    constants.set(name, constantOf(float32(new Float32Array(length).fill(value), [length])));
    return name;
  };
  const block = (n: 1 | 2, from: string, [inputs, outputs]: readonly [number, number]): Node[] => {
    const [conv, norm] = [`conv${n}`, `norm${n}`];
    const statistics = [filled(`${norm}.mean`, outputs, 0), filled(`${norm}.variance`, outputs, 1)];
    const scale = [filled(`${norm}.scale`, outputs, 1), filled(`${norm}.bias`, outputs, 0)];
    const pads = [PADDING, PADDING, PADDING, PADDING];
    const kernel = weight(`${conv}.weight`, [outputs, inputs, KERNEL, KERNEL]);
    return [
      node('Conv', [from, kernel], [`${conv}.y`], { kernel_shape: [KERNEL, KERNEL], pads }, conv),
      node('BatchNormalization', [`${conv}.y`, ...scale, ...statistics], [`${norm}.y`], {}, norm),
      node('Relu', [`${norm}.y`], [`relu${n}.y`], {}, `relu${n}`),
      node('AveragePool', [`relu${n}.y`], [`pool${n}.y`], { kernel_shape: [2, 2], strides: [2, 2] }, `pool${n}`),
    ];
  };
  const linear = (name: string, from: string, [inputs, outputs]: readonly [number, number], to = `${name}.y`): Node => {
    const parameters = [weight(`${name}.weight`, [outputs, inputs]), filled(`${name}.bias`, outputs, 0)];
    return node('Gemm', [from, ...parameters], [to], { transB: 1 }, name);
  };
  const nodes = [
    ...block(1, 'x', [1, FIRST]),
    ...block(2, 'pool1.y', [FIRST, SECOND]),
    node('Flatten', ['pool2.y'], ['flat.y'], {}, 'flat'),
    linear('fc1', 'flat.y', [SECOND * (SIZE / 4) ** 2, HIDDEN]),
    node('Relu', ['fc1.y'], ['relu3.y'], {}, 'relu3'),
    linear('fc2', 'relu3.y', [HIDDEN, CLASSES], 'logits'),
  ];
  return {
    irVersion: 8,
    opsets: new Map([['', 17]]),
    producer: 'coppice',
    graph: {
      name: 'digits',
      nodes,
      constants,
      inputs: [{ name: 'x', type: 'float32', shape: ['N', 1, SIZE, SIZE] }],
      outputs: [{ name: 'logits', type: 'float32', shape: ['N', CLASSES] }],
      valueInfo: [],
    },
  };
}
