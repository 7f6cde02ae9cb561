import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  budget,
  CoppiceError,
  chita,
  compare,
  evaluate,
  finetune,
  flops,
  inspect,
  type Model,
  magnitude,
  modelBytes,
  openDataset,
  type PruneRequest,
  plan,
  prune,
  readModel,
  recalibrate,
  sensitivity,
  sparsity,
  sweep,
} from '../src/index.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { tinyData } from './tiny-data.ts';

const MLP = parseModelText(`
  name mlp
  input x: float32[N, 6]
  const w1: float32[5, 6] = random(1)
  const w2: float32[5, 3] = random(2)
  h = Gemm(x, w1) { transB: 1 } @fc1
  r = Relu(h)
  y = MatMul(r, w2) @fc2
  output y: float32[N, 3]
`);
const DATA = tinyData({ count: 40, sampleDims: [6], classes: 3 });
const TESTS = tinyData({ count: 20, sampleDims: [6], classes: 3, seed: 2 });
const ASKED = { data: DATA, samples: 40, solver: chita(), budget: sparsity(0.6) } satisfies PruneRequest;
const EXAMPLE = resolve(import.meta.dirname, '../examples/digits/model.onnx');

/** Rows of a data set as a program may have them. */
async function rowsOf(count: number): Promise<{ x: number[][]; labels: number[] }> {
  const { x, labels } = await DATA.batch(Array.from({ length: count }, (_, i) => i));
  const flat = Array.from(x.data as Float32Array);
  return { x: Array.from({ length: count }, (_, i) => flat.slice(6 * i, 6 * i + 6)), labels: Array.from(labels ?? []) };
}

describe('a model', () => {
  it('is read from a path, URLs and bytes, and is the same', async () => {
    const bytes = new Uint8Array(await readFile(EXAMPLE));
    const data = new URL(`data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`);
    for (const source of [EXAMPLE, pathToFileURL(EXAMPLE), data, bytes])
      expect(await modelBytes(await readModel(source))).toEqual(bytes);
  });

  it('is pruned from bytes as it is from memory', async () => {
    const [one, other] = await Promise.all([prune(MLP, ASKED), prune(encodeModel(MLP), ASKED)]);
    expect(await modelBytes(other.model)).toEqual(await modelBytes(one.model));
  });

  it('that cannot be fetched is an error of ours', async () => {
    await expect(readModel(new URL('http://127.0.0.1:9/model.onnx'))).rejects.toThrow(
      /^Cannot read the model "http:\/\/127.0.0.1:9\/model.onnx": it cannot be fetched/,
    );
    await expect(readModel(Uint8Array.of(1, 2, 3))).rejects.toThrow(/^Cannot read the model "given bytes":/);
  });
});

describe('data in every form', () => {
  it('gives the same model', async () => {
    const { x, labels } = await rowsOf(40);
    const rows = x.map((sample, i) => ({ x: sample, label: labels[i] as number }));
    async function* stream() {
      yield* rows;
    }
    const forms = [{ x, labels }, rows, stream(), { count: 40, row: (i: number) => rows[i] as (typeof rows)[number] }];
    const wanted = await modelBytes((await prune(MLP, ASKED)).model);
    for (const data of forms) expect(await modelBytes((await prune(MLP, { ...ASKED, data })).model)).toEqual(wanted);
  });

  it('is preprocessed where it is not a Dataset', async () => {
    const data = await openDataset({ x: Uint8Array.of(0, 255), dims: [2, 1] }, { scale: '1/255' });
    expect(Array.from((await data.batch([1])).x.data as Float32Array)).toEqual([1]);
  });
});

describe('the other verbs take what prune takes', () => {
  it('evaluate and compare', async () => {
    const { model } = await prune(MLP, ASKED);
    const [before, after] = await compare([encodeModel(MLP), model], { evaluation: TESTS });
    const { accuracy, loss } = await evaluate(model, { evaluation: TESTS });
    expect(before).toMatchObject({ agreement: 1, nonzeros: 45, prunable: 45, macs: 45 });
    expect(after).toMatchObject({ accuracy, loss, nonzeros: 18 });
  });

  it('sweep, with the cells that single runs give', async () => {
    const cells = await sweep(MLP, {
      data: DATA,
      evaluation: TESTS,
      samples: 40,
      methods: ['magnitude', 'chita'],
      budgets: [sparsity(0.4), flops(0.5)],
    });
    const single = await prune(MLP, { ...ASKED, evaluation: TESTS, budget: sparsity(0.4) });
    expect(cells.map(({ method, sparsity: share, flops: macs }) => [method, share, macs])).toEqual([
      ['magnitude', 0.4, null],
      ['magnitude', null, 0.5],
      ['chita', 0.4, null],
      ['chita', null, 0.5],
    ]);
    expect(cells[2]).toMatchObject({ accuracy: single.report.accuracy.after, nonzeros: 27 });
    expect(cells[3]?.macs).toBeLessThanOrEqual(0.5);
  });

  it('sensitivity, by rows or by a judge of one’s own', async () => {
    const byRows = await sensitivity(MLP, { evaluation: TESTS, sparsities: [0.5] });
    expect(byRows.layers.map(({ name, points }) => [name, points.length])).toEqual([
      ['w1', 1],
      ['w2', 1],
    ]);
    const own = await sensitivity(MLP, { sparsities: [0.5], judge: async () => ({ loss: 3, accuracy: null }) });
    expect(own.dense).toEqual({ loss: 3, accuracy: null });
  });

  it('plan, which keeps what magnitude keeps', async () => {
    const planned = await plan(MLP, { budget: sparsity(0.6) });
    const { report } = await prune(MLP, { solver: magnitude(), budget: sparsity(0.6) });
    expect(planned).toMatchObject({ prunable: 45, nonzeros: 18, macs: { before: 45, after: 18 } });
    expect(planned.layers.map(({ kept }) => kept)).toEqual(report.layers.map((layer) => layer.kept));
  });

  it('inspect, finetune and recalibrate', async () => {
    expect((await inspect(MLP)).totals).toMatchObject({ prunable: 45, macs: 45 });
    const { model } = await prune(MLP, ASKED);
    const { model: tuned, epochs } = await finetune(model, { data: DATA, batch: 10, epochs: 2 });
    expect(epochs).toHaveLength(2);
    expect((await inspect(tuned)).totals.nonzeros).toBe(18);
    expect((await recalibrate(model, MLP, { data: DATA })).samples).toBe(40);
  });
});

describe('wrong arguments', () => {
  const wrong: [string, unknown, unknown, RegExp][] = [
    ['no budget', MLP, { data: DATA }, /without "budget": give sparsity\(0\.9\)/],
    ['nothing', MLP, undefined, /wanted an object of options, got undefined/],
    ['an unknown option', MLP, { ...ASKED, sample: 10 }, /no option of that name; did you mean "samples"\?/],
    ['no threads', MLP, { ...ASKED, threads: 0 }, /"threads" has to be a whole number above 0; got 0/],
    ['a text for a number', MLP, { ...ASKED, samples: '40' }, /"samples" has to be a whole number above 0; got "40"/],
    ['a glob for a list', MLP, { ...ASKED, layers: 'fc*' }, /"layers" has to be a list of names or globs.*got "fc\*"/],
    ['a solver’s function', MLP, { ...ASKED, solver: chita }, /"solver" has to be a solver.*did you mean chita\(\)/],
    ['a solver’s name', MLP, { ...ASKED, solver: 'chita' }, /did you mean method: "chita"/],
    ['a solver as method', MLP, { ...ASKED, solver: undefined, method: chita() }, /a solver is given by "solver"/],
    ['a function as method', MLP, { budget: sparsity(0.5), method: magnitude }, /did you mean solver: magnitude\(\)/],
    ['an unknown method', MLP, { budget: sparsity(0.5), method: 'chitta' }, /did you mean "chita"\?/],
    ['a number as budget', MLP, { ...ASKED, budget: 0.9 }, /did you mean sparsity\(0\.9\)/],
    ['a budget of no scope', MLP, { ...ASKED, budget: { flops: 0.5 } }, /did you mean budget\(\{ flops: 0\.5 \}\)/],
    ['a loss’s misspelling', MLP, { ...ASKED, loss: 'crossentropy' }, /did you mean "cross-entropy"\?/],
    [
      'no signal',
      MLP,
      { ...ASKED, signal: new AbortController() },
      /"signal" has to be the signal of an AbortController/,
    ],
    ['a model that is none', {}, ASKED, /wanted a model: what readModel\(\) gives, a path.*; got an object/],
    ['data that is none', MLP, { ...ASKED, data: 3 }, /"data" has to be an address such as.*got 3/],
    ['preprocessing', MLP, { ...ASKED, preprocess: { scal: 1 } }, /did you mean "scale"\?/],
    [
      'rows with labels and targets',
      MLP,
      { ...ASKED, data: { x: [[1]], labels: [1], targets: [2] } },
      /wanted one of them/,
    ],
  ];

  it.each(wrong)('%s: one sentence, before any work', async (_, model, request, sentence) => {
    const steps: string[] = [];
    const asked =
      typeof request === 'object'
        ? { ...request, onProgress: ({ step }: { step: string }) => steps.push(step) }
        : request;
    const error = await prune(model as Model, asked as PruneRequest).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CoppiceError);
    expect((error as Error).message).toMatch(sentence);
    expect(steps).toEqual([]);
  });

  const makers: [string, () => unknown, RegExp][] = [
    ['chita({ stepz })', () => chita({ stepz: 3 } as never), /Cannot make chita\(\) with "stepz": there is no option/],
    ['chita({ swaps: -1 })', () => chita({ swaps: -1 }), /"swaps" has to be a whole number from 0 on; got -1/],
    ['budget({ sparsty })', () => budget({ sparsty: 0.9 } as never), /did you mean "sparsity"\?/],
    ['sparsity("0.9")', () => sparsity('0.9' as never), /"sparsity" has to be a number; got "0\.9"/],
    ['scope: "layers"', () => sparsity(0.9, { scope: 'layers' as never }), /did you mean "layer"\?/],
  ];

  it.each(makers)('%s throws at once', (_, make, sentence) => {
    expect(make).toThrow(CoppiceError);
    expect(make).toThrow(sentence);
  });

  it('of the other verbs too', async () => {
    const attempts: [() => Promise<unknown>, RegExp][] = [
      [() => sweep(MLP, { budgets: [sparsity(0.5)] } as never), /without "methods"/],
      [() => sweep(MLP, { methods: ['magnitud'], budgets: [sparsity(0.5)] } as never), /did you mean "magnitude"\?/],
      [() => sweep(MLP, { methods: ['chita'], budgets: [0.5] } as never), /"budgets" has to be a list of budgets/],
      [() => evaluate(MLP, { data: TESTS } as never), /no option of that name/],
      [() => evaluate(MLP, {} as never), /without "evaluation"/],
      [() => compare(MLP as never), /wanted a list of models/],
      [() => sensitivity(MLP, {}), /rows with labels or targets, or a judge/],
      [() => plan(MLP, { budget: sparsity(0.5), exclud: [] } as never), /did you mean "exclude"\?/],
      [() => finetune(MLP, { data: DATA, epoch: 2 } as never), /did you mean "epochs"\?/],
      [() => recalibrate(MLP, MLP, {} as never), /without "data"/],
      [() => readModel(7 as never), /wanted a model/],
      [() => openDataset(7 as never), /wanted an address/],
    ];
    for (const [attempt, sentence] of attempts) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CoppiceError);
      expect((error as Error).message).toMatch(sentence);
    }
  });
});
