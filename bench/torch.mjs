// PyTorch's side of a comparison: a Python process that measures on command, and the table of both sides.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./reference/resnet20.py', import.meta.url));

/** Starts PyTorch; null where Python (COPPICE_PYTHON, default python3) has none. ask('train 4 128') measures once. */
export async function openTorch(data, { threads, layout = 'contiguous' }) {
  const child = spawn(process.env.COPPICE_PYTHON ?? 'python3', [SCRIPT, data, String(threads), layout], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    return done ? null : JSON.parse(value);
  };
  const greeting = await next();
  if (greeting === null) return null;
  return {
    version: greeting.torch,
    async ask(command) {
      child.stdin.write(`${command}\n`);
      return next();
    },
    close: () => child.stdin.end(),
  };
}

/** Measures one piece of our own work: samples, wall seconds, CPU seconds of all threads. */
export async function measured(work) {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const samples = await work();
  const { user, system } = process.cpuUsage(before);
  return { samples, seconds: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Runs all entries { what, measure } in turn, `rounds` times after one to warm up (unless `warm` is false), prints the medians of samples a second and a
 * CPU second with the ratio to each entry's `reference`, and appends them to results/FILE.
 */
export async function compare(entries, { rounds, file, note, warm = true }) {
  const found = new Map(entries.map(({ what }) => [what, { wall: [], cpu: [] }]));
  for (let round = warm ? 0 : 1; round <= rounds; round++)
    for (const { what, measure } of entries) {
      const { samples, seconds, cpu } = await measure();
      if (round === 0) continue;
      found.get(what).wall.push(samples / seconds);
      found.get(what).cpu.push(samples / cpu);
    }
  const path = new URL(`./results/${file}`, import.meta.url);
  mkdirSync(new URL('./results/', import.meta.url), { recursive: true });
  if (!existsSync(path))
    writeFileSync(path, 'date,what,rounds,samples a second,samples a CPU second,reference,ratio,CPU ratio,note\n');
  const date = new Date().toISOString().slice(0, 10);
  console.log(`${'median of '.concat(rounds, ' rounds').padEnd(34)} samples/s   /CPU s    ratio  CPU ratio`);
  for (const { what, reference } of entries) {
    const own = found.get(what);
    const other = found.get(reference);
    const ratio = (kind) => (other === undefined ? null : median(own[kind].map((x, i) => x / other[kind][i])));
    const [wall, cpu, wallRatio, cpuRatio] = [median(own.wall), median(own.cpu), ratio('wall'), ratio('cpu')];
    const shown = (value, digits, width) => (value === null ? '-' : value.toFixed(digits)).padStart(width);
    console.log(
      `${what.padEnd(34)} ${shown(wall, 1, 9)} ${shown(cpu, 1, 8)} ${shown(wallRatio, 2, 8)} ${shown(cpuRatio, 2, 10)}`,
    );
    const cells = [
      wall.toFixed(1),
      cpu.toFixed(1),
      reference ?? '',
      wallRatio?.toFixed(3) ?? '',
      cpuRatio?.toFixed(3) ?? '',
    ];
    appendFileSync(path, `${[date, what, rounds, ...cells, note].join(',')}\n`);
  }
}
