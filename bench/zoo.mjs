// npm run zoo [-- FOLDER] [--only=TEXT] [--methods=A,B] [--seconds=n] [--keep]: what Coppice makes of a folder of models that nobody here chose.
// Seconds are those of the processor, where the system tells them.
// Attempts and the checks of their results are processes of their own; shares go to results/zoo.csv with --keep.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
  .sort((a, b) => statSync(join(folder, a)).size - statSync(join(folder, b)).size || (a < b ? -1 : 1));

/**
 * Runs a program of wild/ that prints a line of JSON after each of its tasks, with a time limit for each.
 *
 * @returns  what it said of each task: { bug } for the one in which the process ended, { late } for the one that took too long;
 *           those behind it are tried in a new process
 */
async function each(program, args, tasks) {
  const found = new Map();
  let left = tasks;
  while (left.length > 0) {
    const { said, ending } = await child(program, args(left));
    for (const line of said) found.set(line.method, line);
    const [next, ...others] = left.filter((task) => !found.has(task));
    if (next !== undefined) found.set(next, ending);
    left = others;
  }
  return found;
}

/** Where a busy machine gives a process little of its processors, a task may take so many times its seconds. */
const WAITING = 12;

/** Processor seconds that a process has used; null where the system does not tell. */
function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}

/** Calls back when a process has taken too long since the last `again()`. */
function patience(pid, over) {
  let [since, used] = [performance.now(), processorSeconds(pid)];
  const watch = setInterval(() => {
    const [wall, now] = [(performance.now() - since) / 1000, processorSeconds(pid)];
    const spent = now === null || used === null ? wall : Math.max(now - used, wall / WAITING);
    if (spent > Number(flags.seconds)) over();
  }, 500);
  return {
    again: () => {
      [since, used] = [performance.now(), processorSeconds(pid)];
    },
    end: () => clearInterval(watch),
  };
}

/** The lines of one process, and how it ended. */
function child(program, args) {
  return new Promise((done) => {
    const running = spawn(process.execPath, [join(HERE, 'wild', program), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = [];
    let [rest, err] = ['', ''];
    const limit = patience(running.pid, () => running.kill('SIGKILL'));
    running.stdout.setEncoding('utf8').on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      said.push(...lines.map((line) => JSON.parse(line)));
      limit.again();
    });
    running.stderr.on('data', (data) => {
      err = (err + data).slice(-2000);
    });
    running.on('close', (code, signal) => {
      limit.end();
      const bug = `ended with ${signal ?? code}: ${err.trim().split('\n').slice(-3).join(' | ')}`;
      done({ said, ending: signal === 'SIGKILL' ? { late: true } : { bug } });
    });
  });
}

const short = (text) => String(text).split('\n')[0].slice(0, 160);

/** A verdict on one attempt, and a note. */
function judged(method, attempt, check, magnitude) {
  if (attempt.late) return { verdict: 'late', note: `over ${flags.seconds} s` };
  if (attempt.bug) return { verdict: 'bug', note: short(attempt.bug), whole: attempt.bug };
  if (attempt.refused)
    return { verdict: 'refused', note: `${attempt.refused.code}: ${short(attempt.refused.message)}` };
  const { error } = check;
  const seen = { error, seconds: attempt.seconds, layers: attempt.layers.length, said: attempt.said };
  const wrong = (note) => ({ verdict: 'wrong', note, ...seen });
  if (check.late) return { verdict: 'late', note: 'its check', ...seen };
  if (check.bug || check.fails) return wrong(`does not run: ${short(check.bug ?? check.fails)}`);
  if (check.problems.length > 0) return wrong(check.problems[0]);
  if (error === 'infinite') return wrong('outputs are not finite');
  if (attempt.status !== 'converged') return wrong(`${attempt.status}: ${attempt.said}`);
  const [factor, part] = SLACK[method] ?? SLACK.chita;
  if (typeof error === 'number' && typeof magnitude === 'number' && error > factor * magnitude + part)
    return wrong(`error ${error.toPrecision(3)}, by magnitude ${magnitude.toPrecision(3)}`);
  return { verdict: 'right', note: typeof error === 'number' ? error.toPrecision(3) : 'no float output', ...seen };
}

async function studied(file) {
  const path = join(folder, file);
  for (const name of readdirSync(scratch)) rmSync(join(scratch, name));
  const attempts = await each('attempt.mjs', (left) => [path, scratch, ...left], ['inspect', ...methods]);
  const inspection = attempts.get('inspect');
  const row = { file, bytes: statSync(path).size, inspection, results: {} };
  if (!inspection.runs || !(inspection.weights > 0)) return row;
  const made = methods.filter((method) => attempts.get(method).layers !== undefined);
  const claims = (left) => {
    const list = left.map((method) => ({ ...attempts.get(method), pruned: join(scratch, `${method}.onnx`) }));
    writeFileSync(join(scratch, 'claims.json'), JSON.stringify(list));
    return [path, join(scratch, 'claims.json')];
  };
  const checks = await each('check.mjs', claims, made);
  const magnitude = checks.get('magnitude')?.error;
  for (const method of methods)
    row.results[method] = judged(method, attempts.get(method), checks.get(method), magnitude);
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
