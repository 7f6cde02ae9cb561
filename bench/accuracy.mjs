// npm run accuracy -- TABLE [seeds]: measures accuracy tables and appends their rows to bench/results/accuracy.csv.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { recalibrate } from '../dist/apply/recalibrate.js';
import { budget as budgetOf } from '../dist/budget/budget.js';
import { feedsFromDataset } from '../dist/data/dataset-feeds.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { evaluate } from '../dist/evaluate/accuracy.js';
import { prune as prunePipeline } from '../dist/methods/prune.js';
import { pruneGradually } from '../dist/pipeline/gradual.js';
import { tune } from '../dist/pipeline/tune.js';
import { openProblem } from './problems.mjs';

const FILE = new URL('./results/accuracy.csv', import.meta.url);
const HEADER = 'date,table,model,method,sparsity,seed,lambda,options,accuracy,loss,recalibrated,objective,seconds\n';

const STAGES = {
  samples: 1000,
  batch: 16,
  firstOrder: 'auto',
  stages: 20,
  lambda: 1e-2,
  lineSearch: 0,
  recalibrateStages: false,
};
const ONE_STAGE = { samples: 500, batch: 1, lambda: 1e-3, recalibrateStages: false };
// Shares of the MACs kept; the official program was run at .7, .5 and .3 (reference/official.json).
const FLOPS = [{ flops: 0.7 }, { flops: 0.5 }, { flops: 0.3 }];
const TABLES = {
  'mlpnet-magnitude': { problem: 'mlpnet', runs: [['magnitude', [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98], {}]] },
  'mlpnet-one-stage': {
    problem: 'mlpnet',
    runs: ['woodfisher', 'chita', 'chita-cd', 'chita-block'].map((method) => [
      method,
      [0.5, 0.7, 0.9, 0.95, 0.98],
      { samples: 1000, batch: 1, ...(method === 'woodfisher' ? {} : { lambda: 1e-3 }) },
    ]),
  },
  'mlpnet-chita++': {
    problem: 'mlpnet',
    tuned: [1e-3, 1e-2],
    runs: [
      ['chita++', [0.5], { ...STAGES, schedule: 'poly' }],
      ['chita++', [0.9], { ...STAGES, schedule: 'poly' }],
      ['chita++', [0.95], { ...STAGES, schedule: 'exp' }],
      ['chita++', [0.98], { ...STAGES, schedule: 'exp' }],
    ],
  },
  'mlpnet-line-search': {
    problem: 'mlpnet',
    runs: [
      [0.9, 'poly'],
      [0.95, 'exp'],
      [0.98, 'exp'],
    ].map(([share, schedule]) => ['chita++', [share], { ...STAGES, lambda: 1e-3, schedule, lineSearch: 4000 }]),
  },
  'mlpnet-defaults': { problem: 'mlpnet', runs: [['chita++', [0.9, 0.95, 0.98], {}]] },
  'resnet20-defaults': {
    problem: 'resnet20',
    runs: [
      ['chita++', [0.8, 0.9], {}],
      ['falcon', [{ flops: 0.5 }], {}],
    ],
  },
  'resnet20-line-search': {
    problem: 'resnet20',
    augment: true,
    runs: [
      [
        'chita++',
        [0.7, 0.8, 0.9],
        { ...STAGES, samples: 250, stages: 60, schedule: 'poly', lineSearch: 1024, recalibrateStages: true },
      ],
    ],
  },
  'resnet20-magnitude': { problem: 'resnet20', recalibrated: true, runs: [['magnitude', [0.5, 0.7, 0.8, 0.9], {}]] },
  'resnet20-one-stage': {
    problem: 'resnet20',
    recalibrated: true,
    runs: [['chita', [0.7, 0.8, 0.9], { samples: 500, batch: 1, lambda: 1e-3 }]],
  },
  'resnet20-one-stage-m16': {
    problem: 'resnet20',
    recalibrated: true,
    augment: true,
    runs: [['chita', [0.7, 0.8, 0.9], { samples: 500, batch: 16, lambda: 1e-2, firstOrder: 'auto' }]],
  },
  'resnet20-chita++': {
    problem: 'resnet20',
    recalibrated: true,
    augment: true,
    runs: [['chita++', [0.7, 0.8, 0.9], { ...STAGES, schedule: 'poly' }]],
  },
  'resnet20-auto': {
    problem: 'resnet20',
    augment: true,
    runs: [['auto', [0.7, 0.8, 0.9, 0.95, { flops: 0.5 }, { flops: 0.3 }, { flops: 0.2 }], { gradients: 30000 }]],
  },
  'resnet20-minutes': { problem: 'resnet20', augment: true, runs: [['auto', [0.9], { minutes: 5 }]] },
  'mlpnet-auto': { problem: 'mlpnet', runs: [['auto', [0.9, 0.95, 0.98], { gradients: 100000 }]] },
  'resnet20-folded-auto': { problem: 'resnet20-folded', augment: true, runs: [['auto', [0.9], { gradients: 30000 }]] },
  'mobilenet-auto': {
    problem: 'mobilenet',
    range: { train: '[::2]', test: '[1::2]' },
    runs: [
      ['auto', [0.5, 0.7], { gradients: 1000 }],
      ['reconstruct', [0.5, 0.7], { samples: 250, stages: 40 }],
    ],
  },
  'resnet20-reconstruct': {
    problem: 'resnet20',
    runs: [['reconstruct', [0.7, 0.8, 0.9], { samples: 1000, stages: 40 }]],
  },
  'mlpnet-reconstruct': {
    problem: 'mlpnet',
    runs: [['reconstruct', [0.9, 0.95, 0.98], { samples: 1000, stages: 40 }]],
  },
  // Both under the same schedule: what the selection and the update of CHITA are worth when training follows.
  'resnet20-gradual': {
    problem: 'resnet20',
    augment: true,
    gradual: {
      epochs: 10,
      prunings: 5,
      rate: 0.05,
      trainBatch: 128,
      weightDecay: 1e-4,
      part: 32,
      share: 0.9,
      temperature: 4,
    },
    runs: [
      ['magnitude', [0.9, 0.95], {}],
      ['chita', [0.9, 0.95], { samples: 500, batch: 16, lambda: 1e-2, firstOrder: 'auto' }],
    ],
  },
  // What `auto` is to be compared with: masked SGD on labels, the mask closing in by magnitude.
  'resnet20-sgd': {
    problem: 'resnet20',
    augment: true,
    gradual: { epochs: 5, prunings: 5, rate: 0.05, trainBatch: 128, weightDecay: 1e-4, part: 32, share: 0 },
    runs: [['magnitude', [0.9, 0.95], {}]],
  },
  'resnet20-flops': {
    problem: 'resnet20',
    recalibrated: true,
    runs: [
      ['magnitude', FLOPS, {}],
      ['falcon-bs', FLOPS, ONE_STAGE],
      ['chita', FLOPS, ONE_STAGE],
      ['falcon', FLOPS, ONE_STAGE],
    ],
  },
  'resnet20-falcon++': {
    problem: 'resnet20',
    recalibrated: true,
    augment: true,
    runs: [
      ['falcon++', [...FLOPS, { flops: 0.2 }, { flops: 0.1 }], { ...STAGES, schedule: 'poly', baseSparsity: 0.2 }],
    ],
  },
  'resnet20-folded': {
    problem: 'resnet20-folded',
    recalibrated: true,
    runs: [
      ['magnitude', [0.5, 0.7, 0.8], {}],
      ['chita', [0.5, 0.7, 0.8], { samples: 500, batch: 1, lambda: 1e-3 }],
    ],
  },
  mobilenet: {
    problem: 'mobilenet',
    recalibrated: true,
    range: { train: '[::2]', test: '[1::2]' },
    runs: [
      ['magnitude', [0.5, 0.7], {}],
      ['chita-block', [0.5, 0.7], { samples: 250, batch: 1, lambda: 1e-3, block: 2000 }],
    ],
  },
};

const [name, seedList = '1', ...overrides] = process.argv.slice(2);
const table = TABLES[name];
if (table === undefined) {
  console.error(
    `npm run accuracy -- TABLE [seeds, such as 1,2,3] [option=value ...]; the tables are ${Object.keys(TABLES).join(', ')}`,
  );
  process.exit(2);
}
// option=value changes the runs: sparsity=0.9 picks one, samples=500 stages=10 lambda=0.01 schedule=exp set options.
const changes = Object.fromEntries(
  overrides
    // sparsity=flops=0.3 picks a budget of MACs
    .map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)])
    .map(([key, value]) => [key, Number.isNaN(Number(value)) ? value : Number(value)]),
);
// method=chita picks a method, rows=10000 trains on that many of the training rows, hide=labels trains without their labels.
const { sparsity: only, method: onlyMethod, rows, hide, ...given } = changes;
const training = { ...table.gradual };
const settings = {};
for (const [key, value] of Object.entries(given)) (key in training ? training : settings)[key] = value;

const { model, open, train, test, augment, exclude, name: problemName } = await openProblem(table.problem);
const trainData = await open(
  `${train}${rows === undefined ? (table.range?.train ?? '') : `[0:${rows}]`}`,
  augment === undefined ? {} : { augment },
);
const testSource = feedsFromDataset(model, await open(`${test}${table.range?.test ?? ''}`));
const labelled = feedsFromDataset(model, trainData);
const source = hide === 'labels' ? withoutLabels(labelled) : labelled;
const engine = onnxruntimeNode;
if (!existsSync(FILE)) writeFileSync(FILE, HEADER);

function withoutLabels(source) {
  const feeds = async (...request) => ({ inputs: (await source.feeds(...request)).inputs });
  return { ...source, labelled: false, feeds };
}

function onStage({ kept, lossBefore, scale }) {
  if (lossBefore === null) return;
  const searched = scale === null ? '' : `, first-order part times ${scale}`;
  console.log(`  ${kept} weights, from a loss of ${lossBefore.toFixed(4)}${searched}`);
}

/** One run; of a gradual table, with training, its settings among the run's options. */
async function pruned(request) {
  if (table.gradual === undefined) return prunePipeline(model, { ...request, onStage });
  const { share, temperature, trainBatch: batch, ...rest } = training;
  return pruneGradually(model, request, {
    ...rest,
    batch,
    ...(share > 0 && { distill: { share, temperature } }),
    onEpoch: ({ epoch, pruning, loss, accuracy, samplesPerSecond }) =>
      console.log(
        `  pruning ${pruning}, epoch ${epoch}: loss ${loss.toFixed(4)}, accuracy ${(100 * accuracy).toFixed(2)} %, ${samplesPerSecond.toFixed(0)} samples a second`,
      ),
  });
}

const dense = await evaluate(engine, model, testSource);
console.log(
  `${problemName}: dense accuracy ${(100 * dense.accuracy).toFixed(2)} % on ${dense.count} samples, loss ${dense.loss.toFixed(4)}`,
);
for (const [method, sparsities, base] of table.runs) {
  if (onlyMethod !== undefined && method !== onlyMethod) continue;
  for (const entry of sparsities) {
    const budget = budgetOf(typeof entry === 'number' ? { sparsity: entry } : entry);
    const share =
      typeof entry === 'number'
        ? entry
        : Object.entries(entry)
            .map((pair) => pair.join('='))
            .join(' ');
    if (only !== undefined && share !== only) continue;
    const accuracies = [];
    let choice = null;
    for (const seed of method === 'magnitude' ? [1] : seedList.split(',').map(Number)) {
      const options = { ...base, ...(method === 'magnitude' ? {} : settings) };
      const request = {
        engine,
        method,
        budget,
        source,
        seed,
        ...(exclude && { exclude }),
        ...(table.augment && { augment: true }),
        ...options,
      };
      // Lambda is chosen for the first seed, on samples held out of the training data; the other seeds use it too.
      if (table.tuned && settings.lambda === undefined) choice ??= await tune(model, request, { grid: table.tuned });
      const started = performance.now();
      const result = await pruned(
        choice === null ? request : { ...request, lambda: choice.lambda, source: choice.source },
      );
      const seconds = (performance.now() - started) / 1000;
      const { accuracy, loss } = await evaluate(engine, result.model, testSource);
      accuracies.push(accuracy);
      const tuned = table.recalibrated ? await recalibrate(result.model, model, { engine, source, seed }) : null;
      const again = tuned === null ? null : await evaluate(engine, tuned.model, testSource);
      const objective = result.stages.at(-1).value?.objective;
      const start = result.stages.at(-1).message?.includes('from solved layers') && { start: 'layers' };
      const text = Object.entries({ ...options, ...start, ...training, ...(rows && { rows }), ...(hide && { hide }) })
        .map(([key, value]) => `${key}=${value}`)
        .join(' ');
      const lambda = method === 'magnitude' ? '' : result.options.lambda;
      const row = [
        new Date().toISOString().slice(0, 10),
        name,
        problemName,
        method,
        share,
        seed,
        lambda,
        text,
        accuracy,
        loss.toFixed(5),
        again?.accuracy ?? '',
        objective?.toFixed(4) ?? '',
        seconds.toFixed(1),
      ];
      appendFileSync(FILE, `${row.join(',')}\n`);
      console.log(
        `${method.padEnd(12)} ${share}  seed ${seed}  lambda ${lambda}  accuracy ${(100 * accuracy).toFixed(2)} %` +
          `${again === null ? '' : `, recalibrated ${(100 * again.accuracy).toFixed(2)} %`}  ${seconds.toFixed(1)} s${choice === null ? '' : `  (held out: ${choice.trials.map((t) => `${t.lambda}: ${(100 * t.accuracy).toFixed(2)}`).join(', ')})`}`,
      );
    }
    const mean = accuracies.reduce((a, b) => a + b, 0) / accuracies.length;
    if (accuracies.length > 1)
      console.log(`${method.padEnd(12)} ${share}  mean of ${accuracies.length} seeds ${(100 * mean).toFixed(2)} %`);
  }
}
