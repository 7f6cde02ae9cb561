import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { basesOf } from '../bench/campaign/bases.ts';
import { alike, FAULTS, type Verdict, verdictOf } from '../bench/campaign/campaign.ts';
import { leastError } from '../bench/campaign/graphs-layers.ts';
import { crossEntropy, lossOf } from '../bench/campaign/heads.ts';
import { CAMPAIGNS } from '../bench/campaign/list.ts';
import { mutantAt } from '../bench/campaign/models.ts';
import { drawn } from '../bench/campaign/random-graph.ts';
import type { Plainness } from '../bench/campaign/sketch.ts';
import { kept, tally } from '../bench/campaign/state.ts';
import { putTogether, takeApart } from '../bench/campaign/wire.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { OptionError } from '../src/errors/errors.ts';
import { ModelProtoSchema } from '../src/onnx/onnx_pb.ts';

async function outputGapOf(key: string, plain: Plainness): Promise<number> {
  const [net, twin] = [drawn(key), drawn(key, plain)];
  const { inputs } = await net.source.feeds(Array.from({ length: net.source.fixedBatch ?? 3 }, (_, i) => i));
  const values = await Promise.all(
    [net, twin].map(async ({ model, output }) => {
      const session = await onnxruntimeNode.createSession(model);
      return (await session.run(inputs)).get(output)?.data as Float32Array;
    }),
  );
  return Math.max(...(values[0] as Float32Array).map((x, i) => Math.abs(x - (values[1]?.[i] as number))));
}

const scratch = mkdtempSync(join(tmpdir(), 'coppice-campaign-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Cases of each campaign that run with the tests: a few seconds. */
const CASES: Readonly<Record<string, number>> = { models: 600, graphs: 12, data: 300 };

describe('npm run campaign', () => {
  it.each(Object.values(CAMPAIGNS))('$name: the first cases have no fault', async (campaign) => {
    const faults: string[] = [];
    for (let index = 0; index < (CASES[campaign.name] ?? 0); index++) {
      const verdict = await campaign.case(1, index, { scratch, entering: () => undefined }).catch(verdictOf);
      if (FAULTS.some((fault) => fault === verdict.kind)) faults.push(`${index}: ${verdict.kind}: ${verdict.what}`);
    }
    expect(faults).toEqual([]);
  });

  it('makes a mutant of seed and number alone', () => {
    expect(mutantAt(1, 77).bytes).toEqual(mutantAt(1, 77).bytes);
    expect(mutantAt(1, 77).bytes).not.toEqual(mutantAt(2, 77).bytes);
  });

  it('takes every base apart and puts it together again', () => {
    for (const { bytes } of basesOf()) expect(putTogether(takeApart(bytes, ModelProtoSchema))).toEqual(bytes);
  });

  it('finds the least error by orthogonal columns, dependent ones included', () => {
    const columns = [Float64Array.of(1, 0, 0), Float64Array.of(1, 1, 0), Float64Array.of(2, 1, 0)];
    expect(leastError(columns, Float64Array.of(3, 4, 5))).toBeCloseTo(25, 9);
    expect(crossEntropy([0, Math.log(3)], 1)).toBeCloseTo(-Math.log(0.75), 12);
  });

  it('draws twins of one function', async () => {
    const moved = [...Array(40).keys()].filter(
      (i) =>
        drawn(`twin ${i}`).model.graph.nodes.length > drawn(`twin ${i}`, { unmoved: true }).model.graph.nodes.length,
    );
    expect(moved.length).toBeGreaterThan(3);
    for (const i of moved.slice(0, 4)) expect(await outputGapOf(`twin ${i}`, { unmoved: true })).toBeLessThan(1e-5);
    const tied = [...Array(60).keys()].filter((i) =>
      drawn(`twin ${i}`, { untied: true }).copies.some((copies) => copies.length > 1),
    );
    expect(tied.length).toBeGreaterThan(3);
    for (const i of tied.slice(0, 4)) expect(await outputGapOf(`twin ${i}`, { untied: true })).toBeLessThan(1e-5);
  });

  it('draws every opset, every kind of answer, fixed batches and several outputs', () => {
    const nets = [...Array(400).keys()].map((i) => drawn(`net ${i}`));
    expect(new Set(nets.map(({ opset }) => opset)).size).toBe(13);
    expect([...new Set(nets.map(({ answer }) => answer))].sort()).toEqual(
      ['class', 'class of each position', 'numbers', 'one-hot', 'yes or no'].sort(),
    );
    expect(nets.some(({ source }) => source.fixedBatch === 3)).toBe(true);
    expect(nets.filter(({ model }) => model.graph.outputs.length > 1).length).toBeGreaterThan(20);
  });

  it('tells the loss of a sample', () => {
    const of = { output: '', raw: '', isKnown: true, spelling: '' };
    const thirds = [0, Math.log(2), Math.log(3)];
    expect(lossOf({ ...of, dims: [3], axis: 0, answer: 'class' }, thirds, [1])).toBeCloseTo(Math.log(3), 12);
    expect(lossOf({ ...of, dims: [3], axis: 0, answer: 'one-hot' }, thirds, [0, 0, 1])).toBeCloseTo(Math.log(2), 12);
    expect(lossOf({ ...of, dims: [2], axis: 0, answer: 'numbers' }, [1, 2], [0, 4])).toBe(2.5);
    expect(lossOf({ ...of, dims: [2], axis: 0, answer: 'yes or no' }, [0, 0], [0, 1])).toBeCloseTo(Math.log(2), 12);
    // classes first, two positions: columns (0, 0) and (log 3, 0)
    const dense = { ...of, dims: [2, 2], axis: 0, answer: 'class of each position' } as const;
    expect(lossOf(dense, [0, Math.log(3), 0, 0], [1, 0])).toBeCloseTo((Math.log(2) + Math.log(4 / 3)) / 2, 12);
  });

  it('tells refusals from bugs', () => {
    expect(verdictOf(new OptionError('Cannot use "a" 17: wanted less'))).toEqual({
      kind: 'refused',
      what: 'option: Cannot use "" #: wanted less',
    });
    expect(verdictOf(new TypeError('x is undefined')).kind).toBe('bug');
    expect(verdictOf(new OptionError('Cannot use undefined')).kind).toBe('wrong');
    expect(alike('row 12 of "x.npy"')).toBe(alike('row 7 of "y"'));
  });

  it('counts kinds, and keeps the first cases of a fault', () => {
    const state = kept(scratch, { name: 'none', seed: 1 });
    const bug: Verdict = { kind: 'bug', what: 'broken' };
    for (let index = 0; index < 9; index++) tally(state, index, bug);
    tally(state, 9, { kind: 'right' });
    expect(state.counts).toEqual({ bug: 9, right: 1 });
    expect(state.faults['bug: broken']).toEqual({ times: 9, cases: [0, 1, 2, 3, 4] });
  });
});
