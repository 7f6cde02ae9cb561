import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as coppice from '../src/index.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { tinyData } from './tiny-data.ts';

const MODEL = parseModelText(`
  input x: float32[N, 4]
  const w: float32[3, 4] = random(1)
  y = Gemm(x, w) { transB: 1 }
  output y: float32[N, 3]
`);
const ROWS = tinyData({ count: 8, sampleDims: [4], classes: 3 });
/** Requests that are right, one for each verb. */
const RIGHT: Record<string, object> = {
  prune: { budget: coppice.sparsity(0.5), method: 'magnitude' },
  sweep: { methods: ['magnitude'], budgets: [coppice.sparsity(0.5)] },
  sensitivity: { evaluation: ROWS, sparsities: [0.5] },
  evaluate: { evaluation: ROWS },
  compare: {},
  plan: { budget: coppice.sparsity(0.5) },
  inspect: {},
  finetune: { data: ROWS, epochs: 1, batch: 4 },
  recalibrate: { data: ROWS },
  run: {},
};
const RECIPE = { schema: 'coppice/recipe@1', steps: [{ do: 'prune', method: 'magnitude', budget: { sparsity: 0.5 } }] };
const VERBS: Record<string, (model: never, request: never) => Promise<unknown>> = {
  prune: coppice.prune,
  sweep: coppice.sweep,
  sensitivity: coppice.sensitivity,
  evaluate: coppice.evaluate,
  compare: (model, request) => coppice.compare([model], request),
  plan: coppice.plan,
  inspect: coppice.inspect,
  finetune: coppice.finetune,
  recalibrate: (model, request) => coppice.recalibrate(model, model, request),
  run: (model, request) => coppice.run(RECIPE as never, model, request),
};
/** Names that some verb has, and that none has. */
const NAMES = [
  ...[
    'data',
    'evaluation',
    'preprocess',
    'budget',
    'budgets',
    'method',
    'methods',
    'solver',
    'samples',
    'batch',
    'lambda',
  ],
  ...[
    'stages',
    'schedule',
    'lineSearch',
    'recalibrateStages',
    'asPublished',
    'baseSparsity',
    'scaling',
    'block',
    'swaps',
  ],
  ...[
    'gradients',
    'minutes',
    'firstOrder',
    'seed',
    'seeds',
    'layers',
    'exclude',
    'loss',
    'labels',
    'output',
    'blocked',
  ],
  ...[
    'augment',
    'maxDrop',
    'recalibrate',
    'latency',
    'about',
    'threads',
    'provider',
    'engine',
    'signal',
    'onProgress',
    'onStage',
  ],
  ...[
    'onCell',
    'sparsities',
    'judge',
    'epochs',
    'steps',
    'rate',
    'warmup',
    'restarts',
    'smoothing',
    'teacher',
    'masked',
  ],
  ...[
    'optimizer',
    'momentum',
    'nesterov',
    'weightDecay',
    'units',
    'from',
    'retreat',
    'unit',
    'factored',
    'openPool',
    'store',
  ],
  ...['sample', 'flops', '__proto__', 'constructor', 'toString', ''],
];
const values = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    'chita',
    'npz:',
    true,
    [],
    {},
    () => 1,
  ),
  fc.constantFrom<unknown>(
    [null],
    [0],
    [{}],
    { x: [] },
    { x: 1 },
    { count: 1 },
    { of: 1 },
    Symbol('s'),
    10n,
    new Map(),
    coppice.chita,
  ),
  fc.object({ maxDepth: 2, maxKeys: 3 }),
  fc.string({ maxLength: 5 }),
  fc.double(),
);

/** What was thrown, where that is no error of ours. */
async function foreign(attempt: () => Promise<unknown>): Promise<string | null> {
  const thrown = await attempt().then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown === null || thrown instanceof coppice.CoppiceError) return null;
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}\n${thrown.stack}` : `threw ${String(thrown)}`;
}

it.each(Object.keys(VERBS))(
  '%s refuses wrong arguments by an error of ours, whatever they are',
  { timeout: 120_000 },
  async (name) => {
    const verb = VERBS[name] as (model: unknown, request: unknown) => Promise<unknown>;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...NAMES), values, async (option, value) => {
        const request = { ...RIGHT[name], [option]: value };
        expect(await foreign(() => verb(MODEL, request))).toBeNull();
      }),
      { numRuns: 150, seed: 1 },
    );
    await fc.assert(
      fc.asyncProperty(values, async (wrong) => {
        expect(await foreign(() => verb(MODEL, wrong))).toBeNull();
        expect(await foreign(() => verb(wrong, RIGHT[name]))).toBeNull();
      }),
      { numRuns: 60, seed: 1 },
    );
  },
);

it('what makes budgets, solvers and data, and what reads and writes, refuses the same way', {
  timeout: 60_000,
}, async () => {
  const calls: ((value: never) => unknown)[] = [
    coppice.sparsity,
    coppice.flops,
    coppice.budget,
    coppice.pattern,
    coppice.chita,
    coppice.chitaCd,
    coppice.chitaBlock,
    coppice.openDataset,
    coppice.readModel,
    coppice.modelBytes,
    coppice.openProvider,
    coppice.readRecipe,
    (value) => typeof value !== 'string' && coppice.writeModel(value, MODEL), // a text is a path, which would be written
    (value) => coppice.writeModel('/nowhere/model.onnx', value),
    (value) => coppice.writeReport('/nowhere/report', value),
    (value) => coppice.writeReport(value, {} as never),
    (value) => coppice.openDataset('npz:nowhere.npz', value),
    (value) => coppice.compare(value),
    (value) => coppice.run(value, MODEL as never),
  ];
  for (const [at, call] of calls.entries())
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const trouble = await foreign(async () => call(value as never));
        expect(trouble === null ? null : `${at}: ${trouble}`).toBeNull();
      }),
      { numRuns: 60, seed: 1 },
    );
});
