import { describe, expect, it } from 'vitest';
import { tinyData } from '../../../test/tiny-data.ts';
import { feedsFromDataset } from '../../data/dataset-feeds.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { evaluate } from '../../evaluate/accuracy.ts';
import { findWeights } from '../../graph/weights.ts';
import { parseModelText } from '../../onnx/text.ts';
import { flipDetails } from './flip-details.ts';
import { graphDetails } from './graph-details.ts';
import { pictureOf } from './thumbnail.ts';
import { weightDetails } from './weight-details.ts';

const MODEL = parseModelText(`
  input x: float32[N,4]
  const w1: float32[4,8] = random(1)
  const w2: float32[3,8] = random(3)
  h = MatMul(x, w1) @first
  r = Relu(h) @act
  y = Gemm(r, w2) { transB: 1 } @second
  output y: float32[N,3]
`);

describe('graphDetails', () => {
  const layers = findWeights(MODEL).prunable;
  const of = (kept: number[], after = MODEL.graph) =>
    graphDetails({ before: MODEL.graph, after, layers, kept, captured: null });

  it('tells unchanged, sparser and emptied nodes apart, and joins what feeds what', () => {
    const graph = of([20, 0]);
    expect(graph?.nodes.map(({ op, name, layer, change }) => [op, name, layer, change])).toEqual([
      ['input', 'x', null, 'same'],
      ['MatMul', 'first', 'w1', 'sparser'],
      ['Relu', 'act', null, 'same'],
      ['Gemm', 'second', 'w2', 'removed'],
      ['output', 'y', null, 'same'],
    ]);
    expect(graph?.edges).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    expect(of([32, 24])?.nodes.every(({ change }) => change === 'same')).toBe(true);
  });

  it('marks nodes that are gone', () => {
    const after = { ...MODEL.graph, nodes: MODEL.graph.nodes.filter(({ op }) => op !== 'Relu') };
    expect(of([32, 24], after)?.nodes.map(({ change }) => change)).toEqual(['same', 'same', 'removed', 'same', 'same']);
  });
});

describe('weightDetails', () => {
  const layer = (dims: number[]) => ({ name: 'w', size: dims.reduce((a, b) => a * b), filters: dims[0] ?? 1 });

  it('counts every weight before, and the nonzero ones after', () => {
    const before = Float64Array.from({ length: 60 }, (_, i) => (i - 30) / 30);
    const after = before.map((x, i) => (i % 3 === 0 ? 0 : x));
    const [details] = weightDetails([layer([6, 10])], () => [before, after]);
    const sum = (counts: number[] = []) => counts.reduce((a, b) => a + b, 0);
    expect(sum(details?.histogram.before)).toBe(60);
    expect(sum(details?.histogram.after)).toBe(after.filter((x) => x !== 0).length);
    expect(details?.histogram).toMatchObject({ from: -1, to: 1 });
    expect(details?.mask).toMatchObject({ rows: 6, columns: 10, block: [1, 1] });
  });

  it('keeps the pictures of large layers small, by blocks', () => {
    const w = Float64Array.from({ length: 512 * 4608 }, (_, i) => (i * 2654435761) % 7);
    const [details] = weightDetails([layer([512, 512, 3, 3])], () => [w, w]);
    expect((details?.mask.block[0] ?? 0) * (details?.mask.block[1] ?? 0)).toBeGreaterThan(100);
    expect(details?.mask.png.length).toBeLessThan(8500);
  });

  it('has nothing to say of empty ranges', () => {
    const empty = new Float64Array(4);
    expect(weightDetails([layer([2, 2])], () => [empty, empty])[0]?.histogram).toMatchObject({
      from: -1,
      to: 1,
    });
  });
});

describe('pictureOf', () => {
  it('undoes the normalisation, a channel at a time', () => {
    const values = Float32Array.from({ length: 3 * 4 * 4 }, (_, i) => (i < 16 ? 0.5 : i < 32 ? -1 : 1));
    const picture = pictureOf(values, [3, 4, 4], { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    expect([...(picture?.pixels.subarray(0, 3) ?? [])]).toEqual([191, 0, 255]);
  });

  it('takes a flat square for a picture, and nothing of another shape', () => {
    const none = { mean: [0], std: [1] };
    expect(pictureOf(new Float32Array(64), [64], none)).toMatchObject({ width: 8, height: 8, channels: 1 });
    expect(pictureOf(new Float32Array(4), [4], none)).toBeNull();
    expect(pictureOf(new Float32Array(63), [63], none)).toBeNull();
  });

  it('is at most 48 pixels wide', () => {
    expect(pictureOf(new Float32Array(3 * 224 * 224), [3, 224, 224], { mean: [0], std: [1] })).toMatchObject({
      width: 44,
    });
  });
});

describe('flipDetails', () => {
  it('tells what was lost from what was won, by the labels', async () => {
    const data = tinyData({ count: 6, sampleDims: [4], classes: 3 });
    const labels = data.labels as Int32Array;
    const source = feedsFromDataset(MODEL, data);
    const { outputs } = await evaluate(onnxruntimeNode, MODEL, source);
    const evaluation = (predictions: Int32Array) => ({ count: 6, accuracy: null, loss: null, predictions, outputs });
    const before = labels.slice();
    before[1] = ((labels[1] as number) + 1) % 3;
    before[2] = ((labels[2] as number) + 1) % 3;
    const after = labels.slice();
    after[0] = ((labels[0] as number) + 1) % 3;
    after[2] = ((labels[2] as number) + 2) % 3;
    const flips = await flipDetails({
      before: evaluation(before),
      after: evaluation(after),
      source,
    });
    expect(flips).toMatchObject({ rows: 6, lost: 1, won: 1, other: 1 });
    expect(flips?.examples.map(({ row, png }) => [row, png])).toEqual([
      [0, null],
      [1, null],
      [2, null],
    ]);
  });
});
