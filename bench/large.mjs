// npm run bench:large [-- CASE ...] [--memory=4GB] [--folder=FOLDER]: memory, CPU and wall time of large models, one command after the other, each in
// a process of its own. Models and samples are made in FOLDER (default: one that goes at the end), and used again where they are there.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeModel } from '../dist/index.js';
import { vgg16, writeChain } from './large-models.mjs';
import { keep, ROOT } from './rows.mjs';

const option = (name, otherwise) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const named = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const memory = option('memory', '4GB');
const given = option('folder', null);
const folder = given ?? mkdtempSync(join(tmpdir(), 'coppice-large-'));
mkdirSync(folder, { recursive: true });

async function vgg() {
  const model = join(folder, 'vgg16.onnx');
  if (!existsSync(model)) await writeModel(model, vgg16());
  return { model };
}

async function chain(name, widths, count) {
  const path = join(folder, `${name}.onnx`);
  const [x, y] = ['x', 'y'].map((part) => join(folder, `${name}-${part}-${count}.npy`));
  if (![path, x, y].every(existsSync)) await writeChain(folder, name, widths, { count });
  return { model: path, data: `npy:${x},${y}` };
}

const wide = () => chain('wide', [12_000, 1000, 10], 300);
const first = () => chain('first', [25_088, 4096, 10], 300);

/** What is run: model, options. */
const CASES = {
  'vgg16 138 M weights by magnitude': [vgg, ['--method', 'magnitude']],
  '12,000 inputs by reconstruct': [wide, ['--method', 'reconstruct', '--memory', memory]],
  '12,000 inputs by default': [wide, ['--memory', memory]],
  '25,088 x 4,096 by reconstruct': [first, ['--method', 'reconstruct', '--memory', memory]],
  '25,088 x 4,096 by default': [first, ['--memory', memory]],
};

/** Runs the command line in a process of its own that tells at its end what it took. */
function once(args) {
  const main = join(ROOT, 'dist/cli/main.node.js');
  const told = join(folder, 'took.json');
  const program = `
    process.argv.splice(1, 0, ${JSON.stringify(main)});
    process.on('exit', () => {
      const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
      require('node:fs').writeFileSync(${JSON.stringify(told)}, JSON.stringify({ maxRSS, cpu: (userCPUTime + systemCPUTime) / 1e6 }));
    });
    import(${JSON.stringify(main)});`;
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', program, '--', ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code !== 0) return reject(new Error(`coppice ended with ${code}`));
      const { maxRSS, cpu } = JSON.parse(readFileSync(told, 'utf8'));
      resolve({ seconds: (performance.now() - began) / 1000, cpu, peakRssMB: maxRSS / 1024 });
    });
  });
}

try {
  for (const [name, [make, options]] of Object.entries(CASES)) {
    if (named.length > 0 && !named.some((part) => name.includes(part))) continue;
    const { model, data } = await make();
    const output = join(folder, 'pruned.onnx');
    const rows = data === undefined ? [] : ['--data', data];
    const took = await once(['prune', model, ...options, ...rows, '--sparsity', '0.8', '--no-latency', '-o', output]);
    keep('large', name, { wall: [took], CPU: [{ ...took, seconds: took.cpu }] });
    rmSync(output, { force: true });
  }
} finally {
  if (given === null) rmSync(folder, { recursive: true, force: true });
}
