// Prunes the network of examples/digits by four methods to three sparsities and shows what is left of its accuracy.
// Run by `npm run quickstart`, which builds first. Everything here goes through the public library.
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openDataset, prune, readModel, sparsity, writeModel, writeReport } from 'coppice';
import { bold, columns, dim, green, progressLine, say } from './terminal.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const MODEL = 'examples/digits/model.onnx';
const DATA = 'npz:examples/digits/train.npz';
const EVALUATION = 'npz:examples/digits/test.npz';
const OUT = 'out/quickstart';
const SPARSITIES = [0.9, 0.95, 0.98];

/** chita++ and auto are made smaller than they are by default, for this is to be over soon; the others run as they are. */
const METHODS = [
  { method: 'magnitude', what: 'drops the smallest weights', options: {} },
  { method: 'chita', what: 'and solves for those that stay', options: {} },
  {
    method: 'chita++',
    what: 'the same in 6 stages',
    options: { samples: 200, batch: 4, stages: 6, baseSparsity: 0.5, lambda: 1e-2 },
  },
  { method: 'auto', what: 'and trains: the default', options: { gradients: 10_000 } },
];

/** The method whose models are the ones to go on with. */
const BEST = 'auto';

/** Widths of the table: method, what it does, one column for each sparsity, seconds. */
const WIDTHS = [-11, -32, ...SPARSITIES.map(() => 13), 11];

const started = performance.now();
const model = await readModel(MODEL);
const [data, evaluation] = await Promise.all(
  [DATA, EVALUATION].map((address) => openDataset(address, { scale: '1/255' })),
);
await mkdir(OUT, { recursive: true });

const runs = [];
const progress = progressLine();
for (const { method, what, options } of METHODS) {
  const row = [];
  for (const level of SPARSITIES) {
    progress.start(`${method} to ${percent(level, 0)}`);
    row.push(await run(method, level, options));
  }
  progress.clear();
  if (runs.length === 0) introduce(row[0]);
  runs.push(...row);
  tell(method, what, row);
}
conclude();

/** Prunes once; the model and its report go to OUT. */
async function run(method, level, options) {
  const name = `${method}-${Math.round(100 * level)}`;
  const file = `${OUT}/${name}.onnx`;
  const about = {
    command: [...commandOf(method, level, options), '-o', file, '--report', `${OUT}/${name}`],
    model: await fileFacts(MODEL),
  };
  const start = performance.now();
  const {
    model: pruned,
    report,
    compiled,
  } = await prune(model, {
    ...options,
    method,
    budget: sparsity(level),
    data,
    evaluation,
    about,
    ...(method === BEST && { compile: true, latency: [1] }),
    onProgress: progress.show,
  });
  const seconds = (performance.now() - start) / 1000;
  await writeModel(file, pruned);
  await mkdir(`${OUT}/${name}`, { recursive: true });
  for (const [part, content] of Object.entries(compiled ?? {})) await writeFile(`${OUT}/${name}/${part}`, content);
  const written = { ...report, output: await fileFacts(file) };
  const { html } = await writeReport(`${OUT}/${name}`, written);
  return { method, level, seconds, file, html, report: written };
}

/** The command that does the same. */
function commandOf(method, level, options) {
  const flags = Object.entries(options).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  const where = ['--data', DATA, '--eval', EVALUATION, '--scale', '1/255'];
  return ['coppice', 'prune', MODEL, '--method', method, '--sparsity', String(level), ...flags, ...where];
}

async function fileFacts(path) {
  const bytes = await readFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: path.slice(path.lastIndexOf('/') + 1), sha256, bytes: bytes.length };
}

function percent(share, digits = 2) {
  return `${(100 * share).toFixed(digits)} %`;
}

function kilobytes(count) {
  return `${(count / 1000).toFixed(count < 99_500 ? 1 : 0)} kB`;
}

function microseconds(milliseconds) {
  return `${(1000 * milliseconds).toFixed(0)} us`;
}

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function introduce({ report }) {
  const { layers, prunable, accuracy } = report;
  say('', bold('Pruning a small network that reads drawn digits'), '');
  say(columns([-11], ['model'], `${MODEL}: ${prunable.toLocaleString('en-US')} weights in ${layers.length} layers`));
  say(columns([-11], ['learns on'], `${data.count.toLocaleString('en-US')} drawings, by gradients alone`));
  say(columns([-11], ['judged on'], `${evaluation.count.toLocaleString('en-US')} others`));
  say(columns([-11], ['accuracy'], `${percent(accuracy.before)} before pruning`), '');
  const heads = SPARSITIES.map((level) => `${percent(level, 0)} zeros`);
  say(bold(columns(WIDTHS, ['', 'accuracy with', ...heads, 'seconds'])));
}

function tell(method, what, row) {
  const accuracies = row.map(({ report }) => percent(report.accuracy.after));
  const seconds = row.reduce((sum, { seconds }) => sum + seconds, 0);
  const line = columns(WIDTHS, [method, what, ...accuracies, seconds.toFixed(1)]);
  say(method === BEST ? green(line) : line);
}

function conclude() {
  const last = runs.slice(-SPARSITIES.length);
  const dense = last[0].report.bytes.before.gzip;
  const sizes = last.map(({ report }) => report.bytes.after.gzip);
  say(dim(columns(WIDTHS, ['', `file size by gzip, was ${kilobytes(dense)}`, ...sizes.map(kilobytes)])));
  const programs = last.map(({ report: { compiled } }) => compiled);
  const bytes = programs.map(({ files }) => kilobytes(files.reduce((sum, { gzip }) => sum + gzip, 0)));
  say(dim(columns(WIDTHS, ['', 'compiled, loader and all, gzip', ...bytes])));
  const times = programs.map(({ latency }) => microseconds(latency.compiled.median));
  const runtime = median(programs.map(({ latency }) => latency.before.median));
  say(green(columns(WIDTHS, ['', `compiled; was ${microseconds(runtime)} a run`, ...times])));
  say(
    '',
    'Was: the dense model in onnxruntime, which multiplies by zeros all the same. A compiled model needs no runtime',
  );
  say('and computes with the weights that are left alone.');
  const [, best] = last;
  say('', bold(`${runs.length} models and their reports are in ${OUT}/`), `  ${best.file}`, `  ${best.html}`);
  const judged = `    --eval ${EVALUATION} --scale 1/255`;
  say('', bold('Go on with'), dim('  # accuracy, size and latency side by side'));
  say(`  npx coppice compare ${MODEL} ${best.file} \\`, judged);
  say(dim('  # the other methods of one stage, in one table; takes some minutes'));
  say(`  npx coppice sweep ${MODEL} --methods woodfisher,chita,chita-cd --sparsity 0.9,0.95 \\`);
  say(`    --data ${DATA} \\`, judged);
  say(dim('  # which weights of a model of yours can be pruned'), '  npx coppice inspect YOUR-MODEL.onnx', '');
  say(dim(`${((performance.now() - started) / 1000).toFixed(0)} seconds in all`));
}
