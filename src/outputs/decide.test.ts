import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import type { FedBatch, FeedSource } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { DataError, OptionError, UnsupportedOpError } from '../errors/errors.ts';
import { evaluate } from '../evaluate/accuracy.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { decideOutputs, headsOf } from './decide.ts';
import { atRawEnds } from './raw.ts';

const network = (end: string, opset = 17) =>
  parseModelText(
    `opset ${opset} input x: float32[N, 5] const w: float32[5, 3] = random(1) z = MatMul(x, w) ${end} output y`,
  );
const data = feedsFromDataset(network('y = Identity(z)'), tinyData({ count: 20, sampleDims: [5], classes: 3 }));
const bare: FeedSource = { ...data, labelled: false, answers: {} };
const ENDS = [
  'y = Softmax(z)',
  'y = LogSoftmax(z)',
  's = Softmax(z) y = Cast(s) { to: 11 }',
  'const a: int64[2] = [2, 3] s = Softmax(z) y = Unsqueeze(s, a)',
  'const l: float32[] = [0.0000001] const h: float32[] = [0.9999999] s = Softmax(z) y = Clip(s, l, h)',
  'const a: int64[1] = [1] e = Exp(z) s = ReduceSum(e, a) y = Div(e, s)',
  'm = ReduceMax(z) { axes: [1] } c = Sub(z, m) l = ReduceLogSumExp(c) { axes: [1] } d = Sub(c, l) y = Exp(d)',
  't = Transpose(z) { perm: [1, 0] } s = Softmax(t) { axis: 0 } y = Transpose(s) { perm: [1, 0] }',
];

describe('a softmax', () => {
  it('is seen however it is written: the same loss, and logits behind it', async () => {
    const wanted = (await evaluate(engine, network('y = Identity(z)'), data)).loss as number;
    for (const end of ENDS) {
      const model = network(end);
      expect((await evaluate(engine, model, data)).loss).toBeCloseTo(wanted, 5);
      const { heads } = await headsOf(model, { engine, source: data });
      expect(heads[0]?.behind, end).not.toBeNull();
      expect(atRawEnds(model, heads).back(atRawEnds(model, heads).model).graph.nodes).toEqual(model.graph.nodes);
    }
  });
});

it('finds the logits where another value comes near on the one sample that is seen', async () => {
  const model =
    parseModelText(`opset 17 input x: float32[N, 2] const one: float32[2] = [1.0, 1.0] const a: int64[1] = [1] z = Mul(x, one)
    e = Exp(z) s = ReduceSum(e, a) y = Div(e, s) output y`);
  // exp(.6) - exp(-.752) is .6 + .752 within 2e-3, as if exp(z) were the logits
  const feeds = async (): Promise<FedBatch> => ({
    inputs: new Map([['x', float32(Float32Array.of(0.6, -0.752), [1, 2])]]),
  });
  const lone: FeedSource = { count: 1, labelled: false, hasTargets: false, fixedBatch: 1, feeds };
  const { heads } = await headsOf(model, { engine, source: lone });
  expect(heads[0]).toMatchObject({ kind: 'probabilities', behind: { value: 'z' } });
});

describe('the answers', () => {
  const withTargets = (dims: readonly number[], value = 0.5): FeedSource => ({
    ...bare,
    hasTargets: true,
    answers: { targets: { dims, data: new Float32Array(20 * dims.reduce((a, b) => a * b, 1)).fill(value) } },
  });
  const decide = (end: string, source: FeedSource, choice = {}) =>
    decideOutputs(network(end), { engine, source, ...choice });

  it('are checked against the shape of the output, both named', async () => {
    const wrong = decide('y = Identity(z)', withTargets([2]));
    await expect(wrong).rejects.toThrow(DataError);
    await expect(wrong).rejects.toThrow(/\[20,3\].*\[20,2\]/);
    expect((await decide('y = Identity(z)', withTargets([3]))).loss).toBe('mse');
  });

  it('are classes that there are: the first label outside is named, and all are counted', async () => {
    const labelled = (wrong: readonly number[]): FeedSource => {
      const labels = new Int32Array(20);
      labels.set(wrong, 20 - wrong.length);
      return { ...bare, labelled: true, answers: { labels: { dims: [], data: labels } } };
    };
    expect((await decide('y = Identity(z)', labelled([2, 2]))).loss).toBe('cross-entropy');
    await expect(decide('y = Identity(z)', labelled([3, 4]))).rejects.toThrow(
      'row 18 has label 3, wanted 0 to 2 since output "y" has 3 classes; 2 of 20 labels are outside',
    );
    await expect(decide('y = Identity(z)', labelled([-1]))).rejects.toThrow(/row 19 has label -1/);
  });

  it('choose the loss', async () => {
    expect((await decide('y = Identity(z)', withTargets([], 1))).reading).toMatchObject({
      task: 'classes',
      stored: 'targets',
    });
    expect((await decide('y = Sigmoid(z)', withTargets([3], 1))).loss).toBe('binary-cross-entropy');
    expect(await decide('y = Softmax(z)', bare)).toMatchObject({ loss: 'cross-entropy', labels: 'model' });
    expect(await decide('y = Sigmoid(z)', bare)).toMatchObject({ loss: 'binary-cross-entropy', labels: 'model' });
    expect((await decide('y = Sigmoid(z)', data)).reading).toMatchObject({ task: 'yes or no', form: 'classes' });
  });

  it('are about the output that is named', async () => {
    const choice = { output: 'no' };
    await expect(decide('y = Identity(z)', data, choice)).rejects.toThrow(OptionError);
    const whole = parseModelText('input x: float32[N, 5] y = ArgMax(x) { axis: 1 } output y');
    await expect(decideOutputs(whole, { engine, source: bare })).rejects.toThrow(UnsupportedOpError);
  });
});
