import { describe, expect, it } from 'vitest';
import { budget, flops, sparsity } from '../budget/budget.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { decided } from './decided.ts';
import { METHODS, type Method } from './list.ts';
import { prune } from './prune.ts';
import { type PruneOptions, type ResolvedPrune, resolvePrune } from './prune-options.ts';
import { settingOf, strongSettings } from './strong-settings.ts';

const PLAIN = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const v: float32[8, 3] = random(2)
  h = MatMul(x, w)
  n = Relu(h)
  y = MatMul(n, v)
  output y
`);
const NORMALISED = parseModelText(`
  opset 17
  input x: float32[N, 6]
  const w: float32[6, 8] = random(1)
  const scale: float32[8] = random(3)
  const shift: float32[8] = random(4)
  const mean: float32[8] = random(5)
  const variance: float32[8] = ones
  const v: float32[8, 3] = random(2)
  h = MatMul(x, w)
  b = BatchNormalization(h, scale, shift, mean, variance)
  n = Relu(b)
  y = MatMul(n, v)
  output y
`);

/** Rows with classes, or without. */
function rows(model: Model, count: number, labelled: boolean, isMadeUp = false): NonNullable<PruneOptions['source']> {
  const made = { ...randomFeeds(model, { rng: random(1), count }), isMadeUp };
  if (!labelled) return made;
  const data = Int32Array.from({ length: count }, (_, i) => i % 3);
  return {
    ...made,
    labelled: true,
    answers: { labels: { dims: [], data } },
    feeds: async (indices, ...rest) => ({
      ...(await made.feeds(indices, ...rest)),
      labels: Int32Array.from(indices, (i) => data[i] as number),
    }),
  };
}

/** What the whole way from what is asked for to what a report shows makes of it. */
async function settled(model: Model, asked: Partial<PruneOptions>): Promise<ResolvedPrune> {
  const all = { engine, budget: sparsity(0.5), method: 'chita++' as const, batch: 1, ...asked };
  return resolvePrune((await decided(model, all)).options);
}

describe('the line search', () => {
  it.each(['chita++', 'falcon++'] as const)('of %s goes by how many samples have answers', async (method) => {
    const search = async (count: number, labelled = true, isMadeUp = false): Promise<unknown> =>
      (await settled(PLAIN, { method, source: rows(PLAIN, count, labelled, isMadeUp) })).lineSearch;
    expect(await search(600)).toBe(300);
    expect(await search(20_000)).toBe(4000);
    expect(await search(60)).toBe(0);
    expect(await search(600, false)).toBe(0);
    expect(await search(600, false, true)).toBe(0);
  });

  it('is off without a first-order term, and with labels that are drawn from the model', async () => {
    const source = rows(PLAIN, 600, true);
    expect((await settled(PLAIN, { source, firstOrder: 0 })).lineSearch).toBe(0);
    expect((await settled(PLAIN, { source, labels: 'model' })).lineSearch).toBe(0);
    expect((await settled(PLAIN, { source, loss: 'random' })).lineSearch).toBe(0);
  });

  it('leaves out rows that are held out, and stays as it was asked for', async () => {
    const source = rows(PLAIN, 600, true);
    const asked: PruneOptions = { engine, budget: sparsity(0.5), method: 'chita++', batch: 1, source };
    expect((await decided(PLAIN, asked, { holding: 100 })).options.lineSearch).toBe(250);
    expect((await decided(PLAIN, { ...asked, lineSearch: 7 })).options.lineSearch).toBe(7);
    expect((await settled(PLAIN, { source, lineSearch: 0 })).lineSearch).toBe(0);
  });
});

describe('the ridge', () => {
  it.each(['chita++', 'falcon++'] as const)(
    'of %s is chosen where samples are left beside the gradients',
    async (method) => {
      const ridge = async (asked: Partial<PruneOptions>): Promise<unknown> =>
        (await settled(PLAIN, { method, samples: 50, ...asked })).lambda;
      expect(await ridge({ source: rows(PLAIN, 600, true) })).toBe('auto');
      expect(await ridge({ source: rows(PLAIN, 600, true), samples: 550 })).toBe(1e-2);
      expect(await ridge({ source: rows(PLAIN, 600, true), batch: 11 })).toBe(1e-2);
      expect(await ridge({ source: rows(PLAIN, 600, false) })).toBe(1e-2);
      expect(await ridge({ source: rows(PLAIN, 600, true), labels: 'model' })).toBe(1e-2);
      expect(await ridge({ source: rows(PLAIN, 600, true, true) })).toBe(1e-2);
      expect(await ridge({ source: rows(PLAIN, 600, true), lambda: 0.5 })).toBe(0.5);
      expect(await ridge({ source: rows(PLAIN, 600, true), asPublished: true })).toBe(1e-2);
    },
  );

  it('of other methods is a number, unless it is left to the data', async () => {
    const source = rows(PLAIN, 600, true);
    expect((await settled(PLAIN, { method: 'chita', source, samples: 50 })).lambda).toBe(1e-3);
    expect((await settled(PLAIN, { method: 'chita', source, samples: 50, lambda: 'auto' })).lambda).toBe('auto');
    expect((await settled(PLAIN, { method: 'chita', source, samples: 600, lambda: 'auto' })).lambda).toBe(1e-3);
  });

  it('that was chosen is told of each stage, and the same again', async () => {
    const asked: PruneOptions = {
      engine,
      budget: sparsity(0.5),
      method: 'chita++',
      source: rows(PLAIN, 600, true),
      samples: 20,
      stages: 3,
    };
    const once = await prune(PLAIN, asked);
    expect(once.stages.map(({ lambda }) => [1e-2, 1e-3].includes(lambda ?? 0))).toEqual([true, true, true]);
    expect((await prune(PLAIN, { ...asked, threads: 1 })).w).toEqual(once.w);
    const given = await prune(PLAIN, { ...asked, lambda: 1e-2 });
    expect(given.stages.map(({ lambda }) => lambda)).toEqual([undefined, undefined, undefined]);
  });

  it('of layers that are solved one by one cannot be left to the data', async () => {
    const asked = { method: 'reconstruct', lambda: 'auto', source: rows(PLAIN, 600, true) } as const;
    await expect(settled(PLAIN, asked)).rejects.toThrow('Cannot use lambda "auto": wanted a number above 0');
  });
});

describe('recalibration between stages', () => {
  it.each(['chita++', 'falcon', 'falcon++'] as const)('of %s is for models with running statistics', async (method) => {
    const tunes = async (model: Model, count: number, isMadeUp = false): Promise<unknown> =>
      (await settled(model, { method, source: rows(model, count, false, isMadeUp) })).recalibrateStages;
    expect(await tunes(NORMALISED, 200)).toBe(true);
    expect(await tunes(PLAIN, 200)).toBe(false);
    expect(await tunes(NORMALISED, 20)).toBe(false);
    expect(await tunes(NORMALISED, 200, true)).toBe(false);
    const source = rows(NORMALISED, 200, false);
    expect((await settled(NORMALISED, { method, source, recalibrateStages: false })).recalibrateStages).toBe(false);
  });
});

describe('the schedule', () => {
  it('is exp above a sparsity of 0.9, else poly', async () => {
    const schedule = (asked: Partial<PruneOptions>) => settled(PLAIN, asked).then((all) => all.schedule);
    expect(await schedule({ budget: sparsity(0.9) })).toBe('poly');
    expect(await schedule({ budget: sparsity(0.95) })).toBe('exp');
    expect(await schedule({ budget: flops(0.02) })).toBe('poly');
    expect(await schedule({ budget: sparsity(0.95), schedule: 'linear' })).toBe('linear');
    expect(await schedule({ budget: sparsity(0.95), method: 'auto', schedule: 'auto' })).toBe('exp');
  });

  it('takes a number of weights as a share of those there are', () => {
    const of = (params: number) =>
      strongSettings(METHODS['chita++'], {}, { budget: budget({ params }), weights: 1000 }).schedule;
    expect(of(99)).toBe('exp');
    expect(of(100)).toBe('poly');
  });
});

describe('as published', () => {
  const source = rows(NORMALISED, 600, true);
  it.each([
    ['chita', { stages: 1, schedule: 'exp', lineSearch: 0, recalibrateStages: false, lambda: 1e-3, firstOrder: 0 }],
    ['chita++', { stages: 15, schedule: 'exp', lineSearch: 0, recalibrateStages: false, lambda: 1e-2, firstOrder: 1 }],
    ['falcon', { stages: 1, schedule: 'exp', lineSearch: 0, recalibrateStages: false, lambda: 1e-3, firstOrder: 0 }],
    [
      'falcon++',
      { stages: 20, schedule: 'poly', lineSearch: 0, recalibrateStages: false, lambda: 1e-2, firstOrder: 1 },
    ],
  ] as const)('%s is the algorithm of the paper, whatever the data', async (method, published) => {
    expect(await settled(NORMALISED, { method, source, asPublished: true })).toMatchObject(published);
    const own = await settled(NORMALISED, { method, source, asPublished: true, stages: 3, lineSearch: 50 });
    expect(own).toMatchObject({ ...published, stages: 3, lineSearch: 50 });
  });

  it('says what a setting is before the data is looked at', () => {
    const of = (method: Method, asPublished: boolean) => settingOf(METHODS[method], { asPublished }, 'lineSearch');
    expect([of('chita++', false), of('chita++', true), of('chita', false)]).toEqual(['auto', 0, 0]);
  });
});
