// npm run zoo [-- FOLDER] [--only=TEXT] [--methods=A,B] [--seconds=n] [--keep]: what Coppice makes of a folder of models that nobody here chose.
// Each attempt and each check of its result is a process of its own; rows go to results/zoo.csv with --keep.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { SHARED } from './problems.mjs';
import { HERE, surroundings } from './rows.mjs';

const METHODS = ['magnitude', 'chita', 'reconstruct', 'auto'];
/** How much worse than magnitude, on inputs that were not seen, is still right: a factor and a part of the variance. */
const SLACK = { magnitude: [1, 0], chita: [2, 0.05], reconstruct: [1.1, 0.01], auto: [1.1, 0.01] };
const COLUMNS = ['date', 'commit', 'set', 'models', 'method', 'right', 'refused', 'wrong', 'late', 'bugs', 'percent'];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    methods: { type: 'string', default: METHODS.join(',') },
    seconds: { type: 'string', default: '120' },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const folder = positionals[0] ?? join(SHARED, 'models', 'zoo');
const methods = flags.methods.split(',');
const scratch = mkdtempSync(join(tmpdir(), 'coppice-zoo-'));
const files = readdirSync(folder, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.onnx') && file.includes(flags.only))
  .sort();

/** Runs a program of wild/ with a time limit; what it printed as JSON, or how it ended. */
function child(program, args) {
  return new Promise((done) => {
    const started = performance.now();
    const stdio = ['ignore', 'pipe', 'pipe'];
    const running = spawn(process.execPath, [join(HERE, 'wild', program), ...args], { stdio });
    const said = { out: '', err: '' };
    running.stdout.on('data', (data) => {
      said.out += data;
    });
    running.stderr.on('data', (data) => {
      said.err = (said.err + data).slice(-2000);
    });
    const limit = setTimeout(() => running.kill('SIGKILL'), 1000 * Number(flags.seconds));
    running.on('close', (code, signal) => {
      clearTimeout(limit);
      const seconds = (performance.now() - started) / 1000;
      if (signal === 'SIGKILL') return done({ late: seconds });
      try {
        done({ ...JSON.parse(said.out), seconds });
      } catch {
        done({ bug: `ended with ${signal ?? code}: ${said.err.trim().split('\n').slice(-3).join(' | ')}` });
      }
    });
  });
}

const short = (text) => String(text).split('\n')[0].slice(0, 160);

/** One method on one model: a verdict and a note. */
async function judged(path, method, { open, magnitude }) {
  const output = join(scratch, 'pruned.onnx');
  for (const name of readdirSync(scratch)) rmSync(join(scratch, name));
  const attempt = await child('attempt.mjs', [path, method, output, ...(open === null ? [] : [String(open)])]);
  if (attempt.late) return { verdict: 'late', note: `over ${flags.seconds} s` };
  if (attempt.bug) return { verdict: 'bug', note: short(attempt.bug), whole: attempt.bug };
  if (attempt.refused)
    return { verdict: 'refused', note: `${attempt.refused.code}: ${short(attempt.refused.message)}` };
  const claim = join(scratch, 'claim.json');
  writeFileSync(claim, JSON.stringify(attempt));
  const check = await child('check.mjs', [path, output, claim, ...(open === null ? [] : [String(open)])]);
  const skipped = attempt.layers.length;
  const { error } = check;
  const seen = { error, seconds: attempt.seconds, layers: skipped, said: attempt.said };
  if (check.late) return { verdict: 'late', note: 'its check', ...seen };
  if (check.bug || check.fails)
    return { verdict: 'wrong', note: `does not run: ${short(check.bug ?? check.fails)}`, ...seen };
  if (check.problems.length > 0) return { verdict: 'wrong', note: check.problems[0], ...seen };
  if (error === 'infinite') return { verdict: 'wrong', note: 'outputs are not finite', ...seen };
  if (attempt.status !== 'converged') return { verdict: 'wrong', note: `${attempt.status}: ${attempt.said}`, ...seen };
  const [factor, part] = SLACK[method] ?? SLACK.chita;
  if (typeof error === 'number' && typeof magnitude === 'number' && error > factor * magnitude + part)
    return {
      verdict: 'wrong',
      note: `error ${error.toPrecision(3)}, by magnitude ${magnitude.toPrecision(3)}`,
      ...seen,
    };
  return { verdict: 'right', note: typeof error === 'number' ? error.toPrecision(3) : 'no float output', ...seen };
}

async function studied(file) {
  const path = join(folder, file);
  const inspection = await child('attempt.mjs', [path, 'inspect', '-']);
  const row = { file, bytes: statSync(path).size, inspection, results: {} };
  if (!inspection.runs || !(inspection.weights > 0)) return row;
  for (const method of methods) {
    row.results[method] = await judged(path, method, {
      open: inspection.open,
      magnitude: row.results.magnitude?.error,
    });
  }
  return row;
}

function line({ file, inspection, results }) {
  const head = file.padEnd(64).slice(0, 90);
  if (inspection.refused) return `${head} refused: ${short(inspection.refused.message)}`;
  if (inspection.bug || inspection.late) return `${head} BUG in inspect: ${short(inspection.bug ?? 'late')}`;
  if (!inspection.runs) return `${head} does not run: ${short(inspection.reason)}`;
  if (inspection.weights === 0) return `${head} no prunable weights (${inspection.unprunable} others)`;
  const parts = Object.entries(results).map(([method, { verdict, note }]) => `${method} ${verdict} (${note})`);
  return `${head} ${inspection.layers} layers, ${inspection.weights} weights; ${parts.join('; ')}`;
}

const rows = [];
for (const file of files) {
  const row = await studied(file);
  rows.push(row);
  console.log(line(row));
  if (flags.json) writeFileSync(flags.json, JSON.stringify(rows, null, 1));
}
rmSync(scratch, { recursive: true });

const counted = rows.filter(({ results }) => Object.keys(results).length > 0);
const broken = rows.filter(({ inspection }) => inspection.bug || inspection.late);
console.log(
  `\n${rows.length} models, ${counted.length} with prunable weights that run; inspect failed on ${broken.length}`,
);
const facts = surroundings();
for (const method of methods) {
  const count = (verdict) => counted.filter(({ results }) => results[method].verdict === verdict).length;
  const row = {
    date: facts.date,
    commit: facts.commit,
    set: relative(join(SHARED, '..'), folder).split('/').slice(-2).join('/'),
    models: counted.length,
    method,
    right: count('right'),
    refused: count('refused'),
    wrong: count('wrong'),
    late: count('late'),
    bugs: count('bug'),
    percent: ((100 * count('right')) / Math.max(1, counted.length)).toFixed(1),
  };
  console.log(
    `${method.padEnd(12)} ${row.percent.padStart(5)} % right: ${row.right} right, ${row.refused} refused, ${row.wrong} wrong, ${row.late} late, ${row.bugs} bugs`,
  );
  const csv = join(HERE, 'results', 'zoo.csv');
  if (flags.keep) {
    if (!existsSync(csv)) writeFileSync(csv, `${COLUMNS.join(',')}\n`);
    appendFileSync(csv, `${COLUMNS.map((column) => row[column]).join(',')}\n`);
  }
}
