import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
let model = '';
beforeAll(() => {
  model = folder.model('small.onnx', SMALL);
});
afterAll(() => folder.remove());

interface Document {
  readonly asked: { readonly sparsity: number | null; readonly flops: number | null; readonly params: number | null };
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
