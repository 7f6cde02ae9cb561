// npm run kill -- [times]: kills gradual runs by SIGKILL at random moments, goes on with each by `coppice resume`, and compares
// the model with that of an uninterrupted run, byte for byte. Exits with 1 if one differs.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/cli/main.node.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../examples/digits/', import.meta.url));
const times = Number(process.argv[2] ?? 20);
const folder = mkdtempSync(join(tmpdir(), 'coppice-kill-'));

const argv = (name) => [
  ...[MAIN, 'prune', `${EXAMPLE}model.onnx`, '--data', `npz:${EXAMPLE}train.npz[0:1536]`, '--scale', '1/255'],
  ...['--method', 'chita', '--samples', '100', '--sparsity', '0.9', '--gradual', '--prunings', '3', '--epochs', '5'],
  ...['--threads', '1', '--no-latency', '--checkpoint-every', '0', '-q', '-o', join(folder, `${name}.onnx`)],
];
const digest = (name) => {
  const bytes = readFileSync(join(folder, `${name}.onnx`));
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
};
const complete = (args) => {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
};

let bad = 0;
try {
  const started = performance.now();
  complete(argv('whole'));
  const lasts = performance.now() - started;
  console.log(`uninterrupted: ${digest('whole')}, ${(lasts / 1000).toFixed(1)} s`);
  for (let i = 0; i < times; i++) {
    const name = `killed-${i}`;
    const state = join(folder, `${name}.checkpoint`);
    const child = spawn(process.execPath, argv(name), { stdio: 'ignore' });
    const ended = new Promise((done) => child.on('exit', (_, signal) => done(signal)));
    const after = Math.random() * lasts;
    const timer = setTimeout(() => child.kill('SIGKILL'), after);
    const signal = await ended;
    clearTimeout(timer);
    const kept = existsSync(join(state, 'journal.json'));
    const found = kept ? JSON.parse(readFileSync(join(state, 'journal.json'), 'utf8')) : null;
    // Killed before the first state was written: there is nothing to go on from, the run begins anew.
    if (signal === 'SIGKILL') complete(kept ? [MAIN, 'resume', state, '-q'] : argv(name));
    const same = digest(name) === digest('whole');
    if (!same) bad++;
    const where =
      signal !== 'SIGKILL'
        ? 'had ended already'
        : found === null
          ? 'before the first state'
          : `pruning ${found.pruning + 1}, ${found.training === null ? 'before training' : `epoch ${found.training.epoch + 1}, step ${found.training.step}`}`;
    console.log(
      `killed after ${(after / 1000).toFixed(1)} s (${where}): ${digest(name)} ${same ? 'the same' : 'DIFFERS'}`,
    );
  }
  console.log(`${times - bad} of ${times} models byte-identical`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (bad > 0) process.exitCode = 1;
