import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { brainDamage } from '../examples/brain-damage.ts';
import { sparsity } from '../src/budget/budget.ts';
import { cardinality, count } from '../src/constraints/cardinality.ts';
import { prune } from '../src/index.ts';
import { METHODS } from '../src/methods/list.ts';
import { readModel } from '../src/onnx/files.node.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { denseBackSolve } from '../src/problem/dense.cases.ts';
import { SMALL_PROBLEMS } from '../src/problem/small-problems.cases.ts';
import { SCHEDULES } from '../src/schedule/stages.ts';
import { drive } from '../src/solvers/drive.ts';
import { tinyData } from './tiny-data.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  ...(await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];

function textOf(path: string): Promise<string> {
  return readFile(join(ROOT, path), 'utf8');
}

/** A file of examples/ as a user of the package writes it. */
async function asInDocs(path: string): Promise<string> {
  return (await textOf(path))
    .replaceAll("'../src/index.ts'", "'coppice'")
    .replaceAll("'../src/solvers.ts'", "'coppice/solvers'")
    .trim();
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, 'gs'))].map((found) =>
    (found[1] as string).trim(),
  );
}

describe('the documents', () => {
  it.each(PAGES)('%s links to files that exist', async (page) => {
    const links = [...(await textOf(page)).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((found) => found[1] as string);
    const missing = links.filter((link) => !existsSync(resolve(ROOT, page, '..', link)));
    expect(missing).toEqual([]);
  });

  it('show the library example as it is run', async () => {
    expect(blocks(await textOf('README.md'), 'ts')).toContain(await asInDocs('examples/library.ts'));
  });

  it('show the example of a solver as it is run', async () => {
    expect(blocks(await textOf('docs/add-a-solver.md'), 'ts')).toContain(await asInDocs('examples/brain-damage.ts'));
  });

  it('name every method and every schedule', async () => {
    const text = await textOf('docs/choose-a-method.md');
    for (const name of [...Object.keys(METHODS), ...Object.keys(SCHEDULES)]) expect(text).toContain(`\`${name}\``);
  });
});

describe('the example of a solver', () => {
  it.each(SMALL_PROBLEMS)('keeps the weights of highest cost, re-solved, on $name', async ({ problem, dense }) => {
    const { p, n, lambda, wBar } = problem;
    const kept = Math.ceil(p / 2);
    const { w, status } = await drive(brainDamage(), problem, cardinality(p, kept));
    const cost = wBar.map(
      (x, i) => x * x * (dense.A.reduce((sum, row) => sum + (row[i] as number) ** 2, 0) / n + lambda),
    );
    const support = cardinality(p, kept).support(cost);
    expect([status, count(support)]).toEqual(['converged', kept]);
    const scale = Math.max(...wBar.map(Math.abs));
    denseBackSolve(dense, support).forEach((x, i) => {
      expect(Math.abs(x - (w[i] as number))).toBeLessThan(1e-4 * scale);
    });
  });

  it('prunes a model like any other method', async () => {
    const model = parseModelText(`
      input x: float32[N, 4]
      const w: float32[4, 3] = random(1)
      y = MatMul(x, w)
      output y`);
    const data = tinyData({ count: 30, sampleDims: [4], classes: 3 });
    const { report } = await prune(model, { data, samples: 30, solver: brainDamage(), budget: sparsity(0.5) });
    expect(report).toMatchObject({ sparsity: 0.5, asked: { method: 'brain-damage' }, status: { code: 'converged' } });
  });
});

describe.skipIf(!existsSync(join(ROOT, 'examples/digits/model.onnx')))('the library example', () => {
  const home = process.cwd();
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-docs-'));
    await symlink(join(ROOT, 'examples'), join(folder, 'examples'));
    process.chdir(folder);
  });

  afterEach(async () => {
    process.chdir(home);
    await rm(folder, { recursive: true });
  });

  it('writes a pruned model that is nearly as right as the dense one, and its report', async () => {
    await import('../examples/library.ts');
    const report = JSON.parse(await readFile('digits-90/report.json', 'utf8'));
    expect(existsSync('digits-90/report.html')).toBe(true);
    expect(report.sparsity).toBeCloseTo(0.9, 4);
    expect(report.accuracy.before).toBeGreaterThan(0.95);
    expect(report.accuracy.after).toBeGreaterThan(0.8);
    expect((await readModel('digits-90.onnx')).graph.nodes.length).toBeGreaterThan(3);
  }, 60_000);
});
