import { describe, expect, it } from 'vitest';
import { tinyData } from '../../test/tiny-data.ts';
import { feedsFromDataset } from '../data/dataset-feeds.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { fixed, KEPT_APART, MIXING } from './batches.cases.ts';
import { testSamples } from './sample-facts.ts';

const DATA = tinyData({ count: 12, sampleDims: [4], classes: 3 });

function factsOf(text: string, data = DATA) {
  const model = parseModelText(text);
  return testSamples(onnxruntimeNode, model, feedsFromDataset(model, data));
}

describe('samples of an open batch', () => {
  for (const { name, text } of KEPT_APART)
    it(`are independent: ${name}`, async () => {
      expect(await factsOf(text)).toEqual({ run: null, rows: 1, outputs: new Map([['y', 0]]), remark: null });
    });

  for (const { name, text } of MIXING)
    it(`are run alone: ${name}`, async () => {
      const facts = await factsOf(text);
      expect(facts).toMatchObject({ run: 1, rows: 1, outputs: new Map([['y', null]]) });
      expect(facts?.remark).toMatch(/^samples are not independent: output "y" .*; each sample is run alone$/);
    });

  it('are seen to mix where there are too few to compare with', async () => {
    const [{ text }] = MIXING as [(typeof MIXING)[number]];
    for (const count of [1, 2])
      expect(await factsOf(text, tinyData({ count, sampleDims: [4] }))).toMatchObject({ run: 1 });
  });

  it('are run alone where they lie along another axis of an output', async () => {
    const facts = await factsOf(`input x: float32[N, 4] const W: float32[4, 3] = random(1)
      a = MatMul(x, W) y = Transpose(a) { perm: [1, 0] } output y`);
    expect(facts).toMatchObject({ run: 1, outputs: new Map([['y', 1]]) });
    expect(facts?.remark).toBe('the samples of output "y" lie along its axis 1; each sample is run alone');
  });

  it('do not depend on an output that is always the same', async () => {
    const facts =
      await factsOf(`input x: float32[N, 4] const W: float32[4, 3] = random(1) const k: float32[7, 2] = random(2)
      y = MatMul(x, W) anchors = Identity(k) output y, anchors`);
    expect(facts).toMatchObject({ run: null, remark: null, outputs: new Map([['y', 0]]) });
  });

  it('are run alone where a batch of one is baked in', async () => {
    const facts = await factsOf(`input x: float32[N, 4] const s: int64[2] = [1, 4] const W: float32[4, 3] = random(1)
      f = Reshape(x, s) y = MatMul(f, W) output y`);
    expect(facts).toMatchObject({ run: 1, rows: 1 });
    expect(facts?.remark).toMatch(/takes one sample at a time/);
  });

  it('come in batches of the size that is baked in', async () => {
    const facts = await factsOf(`input x: float32[N, 4] const s: int64[2] = [6, 4] const W: float32[4, 3] = random(1)
      f = Reshape(x, s) y = MatMul(f, W) output y`);
    expect(facts).toMatchObject({ run: 6, rows: 1 });
    expect(facts?.remark).toMatch(/takes batches of 6 samples/);
  });

  it('are told apart in made-up inputs, where some inputs are the same for all', async () => {
    const model = parseModelText(`input x: float32[N, 4], mask: float32[4, 4], bias: float32[1]
      const W: float32[4, 3] = random(1) m = MatMul(x, mask) b = Add(m, bias) y = MatMul(b, W) output y`);
    const source = randomFeeds(model, { rng: random(1), count: 8 });
    expect(await testSamples(onnxruntimeNode, model, source)).toMatchObject({ run: null, remark: null });
  });
});

describe('samples of a fixed batch', () => {
  for (const { name, text } of KEPT_APART)
    it(`are independent: ${name}`, async () => {
      expect(await factsOf(fixed(text, 4))).toEqual({ run: 4, rows: 1, outputs: new Map([['y', 0]]), remark: null });
    });

  for (const { name, text } of MIXING)
    it(`are taken a batch at a time: ${name}`, async () => {
      const facts = await factsOf(fixed(text, 4));
      expect(facts).toMatchObject({ run: 4, rows: 4 });
      expect(facts?.remark).toMatch(/^samples are not independent: .*; each batch of 4 rows is taken as one sample$/);
    });

  it('need no test where there is one in a batch', async () => {
    for (const { text } of MIXING)
      expect(await factsOf(fixed(text, 1))).toMatchObject({ run: 1, rows: 1, remark: null });
  });
});
