// node bench/patterns.mjs [FILTER]: prunes in the pattern 2:4 and to 50 % anywhere, by the command line; appends to bench/results/patterns.csv.
// A FILTER is a model, or a model and a method: mlpnet,chita.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CSV = fileURLToPath(new URL('./results/patterns.csv', import.meta.url));
const CLI = fileURLToPath(new URL('../dist/cli/main.node.js', import.meta.url));
const HEADER = 'date,model,method,flags,budget,accuracy,recalibrated,loss,sparsity,groups,violations,seconds\n';
const BUDGETS = ['--pattern 2:4', '--sparsity 0.5'];
const NOTE =
  "By `coppice prune` with the flags of the row and the method's defaults, seed 1, on a busy machine; ResNet-20 without its projections, as in the tables above. Groups are channels-last.";
const MODELS = { mlpnet: 'MLPNet on MNIST, dense 93.97', resnet20: 'ResNet-20 on CIFAR-10, dense 91.44' };
const ROWS = [
  ['mlpnet', 'magnitude', ''],
  ['mlpnet', 'chita', ''],
  ['mlpnet', 'reconstruct', ''],
  ['mlpnet', 'auto', '--gradients 30k'],
  ['mlpnet', 'chita++', '--stages 5'],
  ['resnet20', 'magnitude', '--recalibrate'],
  ['resnet20', 'reconstruct', ''],
  ['resnet20', 'chita', '--samples 500 --recalibrate'],
  ['resnet20', 'auto', '--gradients 8k'],
  ['resnet20', 'chita++', '--samples 250 --stages 5'],
];

/** The tables of docs/results.md: for each method its newest figures by budget. */
export function patternTables() {
  const entries = (existsSync(CSV) ? readFileSync(CSV, 'utf8') : '')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  const newest = (model, method, flags, budget) =>
    entries.findLast((e) => e[1] === model && e[2] === method && e[3] === flags && e[4] === budget);
  const shown = (entry) =>
    entry === undefined
      ? ''
      : `${(100 * entry[5]).toFixed(2)}${entry[6] === '' ? '' : `, recalibrated ${(100 * entry[6]).toFixed(2)}`}`;
  return Object.entries(MODELS).flatMap(([model, title]) => {
    const lines = ROWS.filter((row) => row[0] === model).flatMap(([, method, flags]) => {
      const [pattern, anywhere] = BUDGETS.map((budget) => newest(model, method, flags, budget));
      if (pattern === undefined) return [];
      const command = `node bench/patterns.mjs ${model},${method}`;
      return [
        `| \`${`${method} ${flags}`.trim()}\` | ${shown(pattern)} | ${shown(anywhere)} | ${pattern[10]} of ${pattern[9]} | ${Math.round(pattern[11])} | ${pattern[0]} | \`${command}\` |`,
      ];
    });
    if (lines.length === 0) return [];
    const heads =
      '| method | 2:4 | 50 % zeros anywhere | groups that break it | seconds | measured | again |\n| --- | --- | --- | --- | --- | --- | --- |';
    return [
      `## ${title}: two of every four inputs, and half of the weights anywhere\n\n${NOTE}\n\n${heads}\n${lines.join('\n')}`,
    ];
  });
}

async function measure(filter) {
  const { PROBLEMS, SHARED } = await import('./problems.mjs');
  if (!existsSync(CSV)) writeFileSync(CSV, HEADER);
  const wanted =
    filter === undefined ? ROWS : ROWS.filter(([model, method]) => filter === model || filter === `${model},${method}`);
  for (const [model, method, flags] of wanted) {
    for (const budget of BUDGETS) {
      const { file, preprocess, train, test, exclude = [] } = PROBLEMS[model];
      const given = Object.entries(preprocess).flatMap(([key, value]) => [`--${key}`, String(value)]);
      const args = [
        ...[CLI, 'prune', join(SHARED, 'models', file), '--method', method, '--data', train, '--eval', test, ...given],
        ...exclude.flatMap((glob) => ['--exclude', glob]),
        ...`${flags} ${budget}`.trim().split(' '),
        ...[
          '--seed',
          '1',
          '--no-latency',
          '--json',
          '-o',
          join(mkdtempSync(join(tmpdir(), 'coppice-')), 'pruned.onnx'),
        ],
      ];
      const run = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 });
      if (run.status !== 0) process.exit(run.status ?? 1);
      const { accuracy, recalibrated, loss, sparsity, layers, seconds } = JSON.parse(run.stdout);
      const total = (key) => layers.reduce((sum, { pattern }) => sum + (pattern?.[key] ?? 0), 0);
      const spent = Object.values(seconds).reduce((sum, s) => sum + s, 0);
      const values = [accuracy.after, recalibrated?.accuracy ?? '', loss.after, sparsity];
      const date = new Date().toISOString().slice(0, 10);
      const line = [
        date,
        model,
        method,
        flags,
        budget,
        ...values,
        total('groups'),
        total('violations'),
        spent.toFixed(1),
      ];
      appendFileSync(CSV, `${line.join(',')}\n`);
      console.log(line.join(','));
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await measure(process.argv[2]);
