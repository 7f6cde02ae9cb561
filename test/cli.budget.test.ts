import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
let model = '';
beforeAll(() => {
  model = folder.model('small.onnx', SMALL);
});
afterAll(() => folder.remove());

interface Document {
  readonly asked: {
    readonly sparsity: number | null;
    readonly flops: number | null;
    readonly params: number | null;
    readonly options: object;
  };
  readonly loss: { readonly after: number };
  readonly nonzeros: number;
  readonly macs: { readonly before: number; readonly after: number };
  readonly layers: readonly { readonly name: string; readonly weights: number; readonly kept: number }[];
}

async function pruned(...flags: string[]): Promise<Document> {
  const { code, out, err } = await cli([
    ...['prune', model, '--method', 'magnitude', '-o', folder.at('out.onnx'), '-q', '--no-latency', '--json'],
    ...flags,
  ]);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

describe('coppice plan', () => {
  it('shows what a budget keeps of each layer, and the loss that the quadratic model predicts', async () => {
    const { code, out } = await cli([
      ...['plan', model, '--method', 'falcon++', '--flops', '0.5', '--stages', '3', '--base-sparsity', '0.2'],
      ...['--samples', '8', '--batch', '2', '--data', folder.data('plan'), '-q', '--json'],
    ]);
    expect(code).toBe(0);
    const plan = JSON.parse(out);
    expect(plan).toMatchObject({ schema: 'coppice/plan@1', nonzeros: 28, macs: { before: 56, after: 28 } });
    expect(plan.stages.map(({ flops }: { flops: number }) => Number(flops.toFixed(4)))).toEqual([0.8, 0.5375, 0.5]);
    expect(plan.layers[0]).toMatchObject({ name: 'w1', bytes: { before: 128 } });
    expect(plan.predictedLossChange).toEqual(expect.any(Number));
    const table = await cli(['plan', model, '--method', 'magnitude', '--flops', '0.5', '-q']);
    expect(table.out).toMatch(/28 of 56 weights would be kept/);
  });
});

describe('coppice sensitivity', () => {
  it('gives the loss with each layer pruned alone, as a table, a document and a picture', async () => {
    const rows = folder.data('sensitivity');
    const flags = ['sensitivity', model, '--eval', rows, '--sparsity', '0.5,0.9', '-q'];
    const { code, out } = await cli([...flags, '--json', '--report', folder.at('report')]);
    expect(code).toBe(0);
    const { dense, layers } = JSON.parse(out);
    expect(layers.map(({ name, points }: { name: string; points: unknown[] }) => [name, points.length])).toEqual([
      ['w1', 2],
      ['w2', 2],
    ]);
    const single = folder.at('w2-90.onnx');
    const one = ['--method', 'magnitude', '--sparsity', '0.9', '--layers', 'w2', '--eval', rows, '--no-latency'];
    const again = JSON.parse((await cli(['prune', model, ...one, '-o', single, '-q', '--json'])).out);
    expect(layers[1].points[1].loss).toBeCloseTo(again.loss.after, 10);
    expect(dense.loss).toBeCloseTo(again.loss.before, 10);
    const picture = readFileSync(`${folder.at('report')}/sensitivity.svg`, 'utf8');
    expect(picture).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(picture.match(/<rect/g)).toHaveLength(1 + 4);
    expect((await cli(flags)).out).toMatch(/^Change of the loss/);
  });

  it('needs rows to measure on', async () => {
    const { code, err } = await cli(['sensitivity', model]);
    expect([code, err]).toEqual([2, expect.stringMatching(/without data: give --eval/)]);
  });
});

describe('the budgets of coppice prune', () => {
  it('keeps a share of the multiply-accumulates', async () => {
    const { asked, macs } = await pruned('--flops', '50%');
    expect(asked).toEqual({ ...asked, sparsity: null, flops: 0.5, params: null });
    expect([macs.before, macs.after]).toEqual([56, 28]);
  });

  it('keeps a number of weights, and whichever of several budgets is the tightest', async () => {
    expect((await pruned('--params', '10')).nonzeros).toBe(10);
    expect((await pruned('--params', '0.02k', '--sparsity', '0.5', '--flops', '0.25')).nonzeros).toBe(14);
  });

  it('keeps to the bounds of layers', async () => {
    const { layers } = await pruned('--sparsity', '0.5', '--layer', 'w1:keep=0.25', '--layer', 'w2:keep=0.5..1');
    expect(layers.map(({ name, kept }) => [name, kept])).toEqual([
      ['w1', 8],
      ['w2', 20],
    ]);
  });

  it('finds the smallest model within a drop of accuracy on held-out rows, and says how', async () => {
    const rows = folder.data('search');
    const found = (await pruned('--max-drop', '10%', '--data', rows)) as Document & {
      asked: {
        options: { search: { heldOut: number; trials: { sparsity: number; drop: number; accepted: boolean }[] } };
      };
    };
    const { heldOut, trials } = found.asked.options.search;
    expect(heldOut).toBeGreaterThan(0);
    expect(trials.length).toBeGreaterThanOrEqual(8);
    for (const { drop, accepted } of trials) expect(accepted).toBe(drop <= 0.1);
    const best = Math.max(...trials.filter(({ accepted }) => accepted).map(({ sparsity }) => sparsity));
    expect(found.asked.sparsity).toBe(best);
    expect(found.nonzeros).toBeLessThanOrEqual(Math.trunc((1 - best) * 56));
  });

  it('prunes and trains by turns, down to the budget', async () => {
    const rows = folder.data('gradual');
    const flags = ['--gradual', '--prunings', '2', '--epochs', '3', '--train-batch', '8', '--base-sparsity', '0.3'];
    const result = await pruned('--sparsity', '0.75', ...flags, '--data', rows, '--eval', rows);
    expect(result.nonzeros).toBe(14);
    const { training } = result.asked.options as unknown as {
      training: { epochs: { pruning: number; epoch: number; loss: number }[] };
    };
    expect(training.epochs.map(({ pruning, epoch }) => [pruning, epoch])).toEqual([
      [1, 1],
      [2, 2],
      [2, 3],
    ]);
    const plain = await pruned('--sparsity', '0.75', '--data', rows, '--eval', rows);
    expect(result.loss.after).toBeLessThan(plain.loss.after);
  });

  it('ends with code 4 where other budgets alone lose more', async () => {
    const rows = folder.data('search2');
    const { code, err } = await cli([
      ...['prune', model, '--method', 'magnitude', '--max-drop', '0.1%', '--params', '0', '--data', rows],
      ...['-o', folder.at('never.onnx'), '-q'],
    ]);
    expect(code).toBe(4);
    expect(err).toMatch(/already loses/);
  });

  it('ends with code 4 and the closest feasible budget where bounds ask for more', async () => {
    const { code, err } = await cli([
      ...['prune', model, '--method', 'magnitude', '--flops', '0.5', '--layer', '*:keep=0.75'],
      ...['-o', folder.at('never.onnx'), '-q'],
    ]);
    expect(code).toBe(4);
    expect(err).toMatch(/^coppice: Cannot meet the budget: at most 28 MACs are allowed.* need 42/);
    expect(existsSync(folder.at('never.onnx'))).toBe(false);
  });

  it.each([
    [['--flops', '0'], /share above 0/],
    [['--flops', '1.5'], /share above 0/],
    [['--params', '1.5'], /whole number, such as/],
    [['--params', 'many'], /whole number, such as/],
    [['--sparsity', '0.5', '--layer', 'w1'], /GLOB:keep=/],
    [['--sparsity', '0.5', '--layer', 'w1:keep=2'], /shares from 0 to 1/],
    [['--sparsity', '0.5', '--layer', 'nothing:keep=1'], /matches no prunable layer/],
    [[], /without a budget/],
  ])('refuses %j in one sentence', async (flags, message) => {
    const { code, err } = await cli([
      'prune',
      model,
      '--method',
      'magnitude',
      '-o',
      folder.at('never.onnx'),
      '-q',
      ...flags,
    ]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('coppice prune --memory', () => {
  const asked = (...flags: string[]): Promise<{ code: number; out: string; err: string }> =>
    cli([
      ...['prune', model, '--method', 'chita', '--sparsity', '0.5', '--samples', '8', '--data', folder.data('memory')],
      ...['-o', folder.at('out.onnx'), '--no-latency', '--json', ...flags],
    ]);

  it('says where the gradient rows are, and finds the same weights', async () => {
    const plain = JSON.parse((await asked('-q')).out);
    const limited = await asked('--memory', '64GB');
    expect(limited.err).toContain('gradient rows: 0.0 GB in memory as f32');
    expect(JSON.parse(limited.out).objective).toEqual(plain.objective);
    const half = await asked('--half');
    expect(half.err).toContain('in memory as bf16');
    expect(JSON.parse(half.out).objective / plain.objective).toBeCloseTo(1, 1);
  });

  it('is a usage error where the run takes more beside its rows, or no amount', async () => {
    const { code, err } = await asked('--memory', '100MB');
    expect([code, err]).toEqual([2, expect.stringContaining('Cannot keep to 0.1 GB of memory')]);
    expect((await asked('--memory', 'much')).code).toBe(2);
  });
});
