import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import type { Constraint } from '../src/constraints/constraint.ts';
import { bestOfAll, countsOf, everySupport, keptBy } from '../src/constraints/every-support.cases.ts';
import { randomFeeds } from '../src/data/feeds.ts';
import { liftAndCapture } from '../src/engine/capture.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { findWeights, type WeightLayer } from '../src/graph/weights.ts';
import type { Model } from '../src/ir/model.ts';
import type { Method } from '../src/methods/method.ts';
import type { PruneResult } from '../src/methods/prune.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { SMALL_LAYERS } from '../src/problem/small-layers.cases.ts';
import { SMALL_PROBLEMS } from '../src/problem/small-problems.cases.ts';
import { chita } from '../src/solvers/chita/back-solving.ts';
import { chitaBlock } from '../src/solvers/chita/block-wise.ts';
import { drive } from '../src/solvers/drive.ts';
import type { AnySolver } from '../src/solvers/solver.ts';
import { random } from '../src/tensor/random.ts';
import { tinyNet } from './tiny-net.ts';

const ROOT = resolve(import.meta.dirname, '..');
let copy: string;

/** A file to write, or a change of one that is there. */
interface Step {
  readonly path: string;
  readonly kind: 'ts' | 'diff';
  readonly text: string;
}

/** The code blocks of a guide that name a file. */
function stepsOf(page: string): Step[] {
  return [...page.matchAll(/^```(ts|diff) (src\/\S+)\n(.*?)^```$/gms)].map(([, kind, path, text]) => ({
    kind: kind === 'diff' ? 'diff' : 'ts',
    path: path as string,
    text: text as string,
  }));
}

/** A text with the lines of a block that begin with a plus added where the others stand. */
function changed(text: string, block: string): string {
  const lines = block.trimEnd().split('\n');
  const without = (sign: string): string =>
    lines
      .filter((line) => !line.startsWith(sign))
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  expect(text.split(without('+'))).toHaveLength(2);
  return text.replace(without('+'), () => without('-'));
}

async function follow(page: string): Promise<string[]> {
  const steps = stepsOf(await readFile(join(ROOT, 'docs', page), 'utf8'));
  for (const { kind, path, text } of steps) {
    const to = join(copy, path);
    await mkdir(dirname(to), { recursive: true });
    if (kind === 'diff') await writeFile(to, changed(await readFile(to, 'utf8'), text));
    else await writeFile(to, text, { flag: 'wx' });
  }
  return [...new Set(steps.map(({ path }) => path))];
}

/** A module of the copy, as the guides left it. */
async function load<T>(path: string): Promise<T> {
  return await import(/* @vite-ignore */ join(copy, 'src', path));
}

const touched = new Map<string, string[]>();

beforeAll(async () => {
  copy = await mkdtemp(join(ROOT, '.test-dist-guides-'));
  await cp(join(ROOT, 'src'), join(copy, 'src'), { recursive: true, filter: (from) => !from.endsWith('.test.ts') });
  await cp(join(ROOT, 'package.json'), join(copy, 'package.json'));
  for (const page of ['add-an-operator.md', 'add-a-method.md', 'add-a-constraint.md'])
    touched.set(page, await follow(page));
});

afterAll(() => rm(copy, { recursive: true, force: true }));

it('touches at most three files a guide', () => {
  expect([...touched.values()].map(({ length }) => length)).toEqual([1, 3, 2]);
});

describe('docs/add-an-operator.md', () => {
  const model = parseModelText(`
    opset 17
    opset com.microsoft 1
    input x: float32[N, 4]
    const w: float32[3, 4] = random(1)
    y = com.microsoft:TransposeMatMul(x, w) { transB: 1 }
    output y: float32[N, 3]
  `);

  it('makes its weights known, what they cost and how they read', async () => {
    expect(findWeights(model).prunable).toEqual([]);
    const { captured } = await liftAndCapture(engine, model, (await feedsOf(model)).inputs);
    const weights = await load<{ findWeights: typeof findWeights }>('graph/weights.ts');
    const [layer] = weights.findWeights(model, captured, 2).prunable as [WeightLayer];
    expect(layer).toMatchObject({ name: 'w', op: 'com.microsoft.TransposeMatMul', macsPerWeight: 1 });
    const matrices = await load<typeof import('../src/graph/weight-matrix.ts')>('graph/weight-matrix.ts');
    expect(matrices.weightMatrix(layer, 'channels-last')).toEqual({ groups: 1, outputs: 3, inputs: 4, places: null });
  });

  it('lets methods on gradients prune it', async () => {
    const { stages, w } = await (await pruning())(model, {
      engine,
      source: randomFeeds(model, { rng: random(1), count: 20 }),
      budget: sparsity(0.5),
      method: 'chita',
    });
    expect(stages.map(({ status }) => status)).toEqual(['converged']);
    expect([w.length, w.filter((x) => x !== 0).length]).toEqual([12, 6]);
  });
});

describe('docs/add-a-method.md', () => {
  it('lists the method with its options', async () => {
    const { METHODS } = await load<{ METHODS: Readonly<Record<string, Method>> }>('methods/list.ts');
    expect(METHODS['brain-surgeon']?.needs).toEqual({ data: true, gradients: true });
    const { methodsTable } = await load<{ methodsTable(): string }>('cli/method-tables.ts');
    expect(methodsTable()).toContain('| `brain-surgeon` |');
  });

  it('prunes a model by it', async () => {
    const model = tinyNet({ side: 6, filters: 3, stride: 2, hidden: 5, classes: 3 });
    const { stages, w, options } = await (await pruning())(model, {
      engine,
      source: randomFeeds(model, { rng: random(1), count: 40 }),
      budget: sparsity(0.6),
      method: 'brain-surgeon',
      samples: 40,
      stages: 2,
    });
    expect(options.method).toBe('brain-surgeon');
    expect(stages.map(({ status }) => status)).toEqual(['converged', 'converged']);
    expect(w.filter((x) => x !== 0).length / w.length).toBeCloseTo(0.4, 1);
  });

  it('runs its solver on both kinds of problem, its weights solved together', async () => {
    const path = 'solvers/brain-surgeon/brain-surgeon.ts';
    const { brainSurgeon } = await load<{ brainSurgeon(): AnySolver }>(path);
    const constraints = await load<typeof import('../src/constraints/cardinality.ts')>('constraints/cardinality.ts');
    for (const { problem } of [...SMALL_PROBLEMS.slice(0, 4), ...SMALL_LAYERS]) {
      const constraint = constraints.cardinality(problem.p, Math.ceil(problem.p / 2));
      const { status, support, value } = await drive(brainSurgeon(), problem, constraint);
      expect(status).toBe('converged');
      expect(value.objective).toBeCloseTo((await problem.solveOn(support))?.value.objective as number, 6);
    }
  });
});

describe('docs/add-a-constraint.md', () => {
  const classes = [Int32Array.of(0, 3, 4, 7), Int32Array.of(1, 2, 6), Int32Array.of(5, 8)];
  const most = [2, 1, 2];

  async function made(): Promise<Constraint> {
    const { byClass } = await load<{ byClass(classes: readonly Int32Array[], most: readonly number[]): Constraint }>(
      'constraints/by-class.ts',
    );
    return byClass(classes, most);
  }

  const passes = (support: Uint8Array): boolean =>
    countsOf(
      classes.map((own) => [...own]),
      support,
    ).every((kept, c) => kept <= (most[c] as number));

  it('allows and keeps what all supports say', async () => {
    const constraint = await made();
    const rng = random(3);
    for (const support of everySupport(9)) expect(constraint.allows(support)).toBe(passes(support));
    for (let draw = 0; draw < 20; draw++) {
      const importance = Float64Array.from({ length: 9 }, () => rng.integer(4));
      const support = constraint.support(importance);
      expect(passes(support)).toBe(true);
      expect(keptBy(importance, support)).toBe(bestOfAll(importance, passes));
    }
  });

  it('keeps to itself in a slice', async () => {
    const constraint = await made();
    const support = constraint.support(new Float64Array(9).fill(1));
    const slice = constraint.restrict(support, 2, 7);
    for (const part of everySupport(5)) {
      const whole = support.slice();
      whole.set(part, 2);
      if (slice.allows(part)) expect(constraint.allows(whole)).toBe(true);
    }
  });

  it('is one of the sets that every solver is run on', async () => {
    const cases = await load<typeof import('../src/constraints/patterned.cases.ts')>('constraints/patterned.cases.ts');
    for (const { problem } of SMALL_PROBLEMS.slice(0, 4)) {
      const sets = cases.patternedConstraints(problem.rows.panels.map(({ width }) => width));
      const { constraint } = sets.find(({ name }) => name === 'a third of every third weight') as (typeof sets)[0];
      for (const solver of [chita({ swaps: 4 }), chitaBlock({ block: 4 })]) {
        const { status, support } = await drive(solver, problem, constraint);
        expect([status, constraint.allows(support)]).toEqual(['converged', true]);
      }
    }
  });
});

function feedsOf(model: Model) {
  return randomFeeds(model, { rng: random(1), count: 2 }).feeds([0, 1]);
}

async function pruning(): Promise<(model: Model, options: object) => Promise<PruneResult>> {
  return (await load<{ prune(model: Model, options: object): Promise<PruneResult> }>('methods/prune.ts')).prune;
}
