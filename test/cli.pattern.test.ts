import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numbersOf } from '../src/apply/stored-numbers.ts';
import { constantsOf } from '../src/graph/constants.ts';
import type { Constant } from '../src/ir/model.ts';
import { METHOD_NAMES } from '../src/methods/list.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { cli, Folder } from './cli-harness.ts';

/** A convolution of 2 x 2 kernels over 2 channels, and a linear layer that lies [inputs, outputs] in the file. */
const NET = `
  input x: float32[N, 4]
  const pictures: int64[4] = [-1, 1, 2, 2]
  const k: float32[8, 1, 2, 2] = random(1)
  const rows: int64[2] = [-1, 8]
  const w: float32[8, 3] = random(2)
  p = Reshape(x, pictures)
  c = Conv(p, k)
  r = Relu(c)
  f = Reshape(r, rows)
  y = Gemm(f, w)
  output y: float32[N, 3]
`;

const folder = new Folder();
let [model, data] = ['', ''];
beforeAll(() => {
  model = folder.model('net.onnx', NET);
  data = folder.data('rows', { rows: 60 });
});
afterAll(() => folder.remove());

/** Rows of outputs of a written file's weights, read here without the project's own matrices. */
function rowsOf(path: string): number[][] {
  const constants = constantsOf(decodeModel(readFileSync(path)).graph);
  const values = (name: string): number[] => [...numbersOf(constants.get(name) as Constant)].map(Number);
  const [k, w] = [values('k'), values('w')];
  return [
    ...Array.from({ length: 8 }, (_, o) => k.slice(4 * o, 4 * o + 4)),
    ...Array.from({ length: 3 }, (_, o) => Array.from({ length: 8 }, (__, i) => w[3 * i + o] as number)),
  ];
}

async function pruned(method: string, flags: readonly string[]): Promise<{ rows: number[][]; report: Report }> {
  const out = folder.at(`${method}.onnx`);
  const {
    code,
    out: text,
    err,
  } = await cli([
    ...['prune', model, '--method', method, '-o', out, '--no-latency', '--json', '-q', '--data', data, '--eval', data],
    ...flags,
  ]);
  expect([code, err]).toEqual([0, '']);
  return { rows: rowsOf(out), report: JSON.parse(text) };
}

interface Report {
  readonly asked: { readonly pattern: string | null };
  readonly nonzeros: number;
  readonly macs: { readonly before: number; readonly after: number };
  readonly layers: readonly { readonly pattern: { groups: number; uneven: number; violations: number } | null }[];
}

describe.each(METHOD_NAMES)('--pattern with --method %s', (method) => {
  it('keeps two of four inputs, alone and within other budgets', async () => {
    for (const flags of [[], ['--sparsity', '0.7'], ['--flops', '0.4']]) {
      const { rows, report } = await pruned(method, ['--pattern', '2:4', ...flags]);
      for (const row of rows)
        for (let i = 0; i < row.length; i += 4)
          expect(row.slice(i, i + 4).filter((x) => x !== 0).length).toBeLessThanOrEqual(2);
      expect(report.asked.pattern).toBe('2:4');
      expect(report.layers.map(({ pattern }) => pattern)).toEqual([
        { groups: 8, uneven: 0, violations: 0 },
        { groups: 6, uneven: 0, violations: 0 },
      ]);
      if (flags[0] === undefined) expect(report.nonzeros).toBe(28);
      if (flags[0] === '--sparsity') expect(report.nonzeros).toBeLessThanOrEqual(16);
      if (flags[0] === '--flops') expect(report.macs.after).toBeLessThanOrEqual(0.4 * report.macs.before);
    }
  });

  it('keeps whole blocks of four outputs', async () => {
    const { rows, report } = await pruned(method, ['--pattern', 'block:4x1', '--sparsity', '0.5']);
    const blocks = [rows.slice(0, 4), rows.slice(4, 8), rows.slice(8)];
    for (const block of blocks) {
      const width = block[0]?.length ?? 0;
      for (let i = 0; i < width; i++) expect([0, block.length]).toContain(block.filter((row) => row[i] !== 0).length);
    }
    expect(report.nonzeros).toBeLessThanOrEqual(28);
    expect(report.layers.map(({ pattern }) => pattern)).toEqual([
      { groups: 8, uneven: 0, violations: 0 },
      { groups: 8, uneven: 8, violations: 0 },
    ]);
  });
});

describe('coppice inspect --pattern', () => {
  it('counts the groups that break it in a file', async () => {
    const { out } = await cli(['inspect', model, '--pattern', '2:4', '-q', '--json']);
    expect(JSON.parse(out).totals.pattern).toEqual({ groups: 14, uneven: 0, violations: 14 });
    await pruned('magnitude', ['--pattern', '2:4']);
    const after = await cli(['inspect', folder.at('magnitude.onnx'), '--pattern', '2:4', '-q']);
    expect(after.out).toMatch(/Pattern 2:4: 0 of 14 groups break it/);
  });
});

describe('a wrong pattern', () => {
  it('is refused with what was wanted', async () => {
    const refused = async (...flags: string[]): Promise<string> => {
      const { code, err } = await cli(['prune', model, '--method', 'magnitude', ...flags]);
      expect(code).toBe(2);
      return err;
    };
    expect(await refused('--pattern', '4:2')).toMatch(/N from 1 and below M/);
    expect(await refused('--pattern', 'block:4x1')).toMatch(/without a number of them/);
    expect(await refused('--pattern', 'stripes')).toMatch(/wanted N:M, such as 2:4, or block:HxW/);
  });
});
