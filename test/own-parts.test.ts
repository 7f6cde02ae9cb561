import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import {
  budget,
  type Constraint,
  InfeasibleError,
  magnitude,
  modelBytes,
  prune,
  type RowMeasure,
  sparsity,
  sweep,
} from '../src/index.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { grouped } from '../src/solvers.ts';
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
const DATA = tinyData({ count: 50, sampleDims: [6], classes: 3 });

/** Only weights at even places may stay. */
const even = (size: number): Constraint => {
  const kept = (importance: Float64Array, start = 0): Uint8Array =>
    Uint8Array.from(importance, (_, i) => ((start + i) % 2 === 0 ? 1 : 0));
  const over = (length: number, start: number): Constraint => ({
    description: 'even places',
    most: Math.ceil(length / 2),
    support: (importance) => kept(importance, start),
    allows: (support) => support.every((bit, i) => bit === 0 || (start + i) % 2 === 0),
    restrict: (_, from, to) => over(to - from, start + from),
  });
  return over(size, 0);
};
const ofEven = budget({
  sparsity: 0,
  constraint: (_, layers) => even(layers.reduce((sum, { size }) => sum + size, 0)),
});

describe('a constraint of one’s own', () => {
  it.each(['magnitude', 'chita', 'chita-cd', 'chita-block', 'woodfisher', 'falcon', 'reconstruct', 'auto'] as const)(
    'holds with %s',
    async (method) => {
      const quick =
        method === 'auto'
          ? { gradients: 100 }
          : method === 'magnitude' || method === 'reconstruct'
            ? {}
            : { samples: 20 };
      const { result, report } = await prune(MLP, { method, data: DATA, budget: ofEven, ...quick });
      expect(Array.from(result.w, (w, i) => w !== 0 && i % 2 === 1)).not.toContain(true);
      expect(report.nonzeros).toBeLessThanOrEqual(23);
      expect(report.recipe).toBeNull();
    },
  );

  it('may be made of the usual one, and of the layers by name', async () => {
    const seen: unknown[] = [];
    const whole = budget({
      sparsity: 0.5,
      constraint: (usual, layers) => {
        seen.push(usual.most, ...layers.map(({ name }) => name));
        return grouped(45, [
          { start: 0, size: 30, kept: 30 },
          { start: 30, size: 15, kept: 3 },
        ]);
      },
    });
    const cells = await sweep(MLP, { methods: ['magnitude'], budgets: [whole, sparsity(0.5)] });
    expect(seen.slice(0, 3)).toEqual([22, 'w1', 'w2']);
    expect(cells.map(({ kept }) => kept)).toEqual([[30, 3], expect.anything()]);
    expect(cells[1]?.nonzeros).toBe(22);
  });
});

describe('a measure of one’s own', () => {
  const first: RowMeasure = (outputs, { index, labels, inputs }) => {
    expect(outputs.get('y')?.dims).toEqual([1, 3]);
    expect(inputs.get('x')?.dims).toEqual([1, 6]);
    expect(labels).toHaveLength(1);
    expect(index).toBeLessThan(10);
    return Math.abs(Number(outputs.get('y')?.data[0]));
  };
  const asked = { data: DATA, solver: magnitude(), budget: sparsity(0) };

  it('decides what is small enough', async () => {
    const loose = await prune(MLP, { ...asked, maxDrop: { of: () => 1, most: 0.1 } });
    expect(loose.report.sparsity).toBeGreaterThan(0.95);
    const tight = await prune(MLP, { ...asked, maxDrop: { of: async (...given) => first(...given), most: 0.001 } });
    expect(tight.report.sparsity).toBeLessThan(loose.report.sparsity);
  });

  it('may be the loss, or accuracy by a number', async () => {
    const byLoss = await prune(MLP, { ...asked, maxDrop: { of: 'loss', most: 0.05 } });
    expect(byLoss.report.sparsity).toBeGreaterThan(0);
    const number = await prune(MLP, { ...asked, solver: magnitude(), maxDrop: 0.1 });
    const named = await prune(MLP, { ...asked, maxDrop: { of: 'accuracy', most: 0.1 } });
    expect(await modelBytes(named.model)).toEqual(await modelBytes(number.model));
  });

  it('that is no number, or cannot be held, is an error of ours', async () => {
    await expect(prune(MLP, { ...asked, maxDrop: { of: () => Number.NaN, most: 1 } })).rejects.toThrow(
      /Cannot measure row 0: wanted a finite number/,
    );
    let calls = 0;
    const falling = prune(MLP, { ...asked, budget: sparsity(0.5), maxDrop: { of: () => -calls++, most: 0.01 } });
    await expect(falling).rejects.toThrow(InfeasibleError);
    await expect(prune(MLP, { ...asked, maxDrop: { of: 'auc' as never, most: 1 } })).rejects.toThrow(
      /"maxDrop" has to be/,
    );
  });
});

describe('docs/library.md', () => {
  const root = resolve(import.meta.dirname, '..');
  const blocks = [...readFileSync(join(root, 'docs/library.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code]) =>
      (code as string)
        .replaceAll("'coppice'", "'../src/index.ts'")
        .replaceAll("'coppice/solvers'", "'../src/solvers.ts'"),
  );

  it('has programs without casts that are right by the types', { timeout: 120_000 }, () => {
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config,
      ts.sys,
      root,
    );
    const programs = new Map(blocks.map((code, i) => [join(root, `test/library-page-${i}.ts`), code]));
    const host = ts.createCompilerHost(options);
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (name, ...rest) => {
      const code = programs.get(name);
      return code === undefined ? read(name, ...rest) : ts.createSourceFile(name, code, ts.ScriptTarget.Latest);
    };
    const program = ts.createProgram(
      [...programs.keys()],
      { ...options, noEmit: true, noUnusedParameters: false },
      host,
    );
    const found = [...programs.keys()].flatMap((name) => {
      const source = program.getSourceFile(name);
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    });
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))).toEqual([]);
    expect(blocks.join('')).not.toMatch(/ as (?!const)|: any|!\./);
    expect(blocks).toHaveLength(2);
  });
});
