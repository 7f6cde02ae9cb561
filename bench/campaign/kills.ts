import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../src/tensor/random.ts';
import { Folder, SMALL } from '../../test/cli-harness.ts';
import { type Campaign, RIGHT, type Verdict, wrong } from './campaign.ts';
import { command, contents, lastLine } from './command.ts';

/** A run that is ended in the middle: what is asked for, but for the output, which is a name in the folder of the case. */
interface Killed {
  readonly name: string;
  readonly argv: (places: Places) => string[];
  readonly output: string;
  /** Takes no flags of states and threads. */
  readonly keepsNone?: boolean;
}

interface Places {
  readonly model: string;
  readonly half: string;
  readonly data: string;
}

const TRAINED = ['--rate', '0.05', '--train-batch', '16'];
const prune = ({ model, data }: Places, ...rest: string[]): string[] => [
  ...['prune', model, '--data', data, '--no-latency', ...rest],
];

/** Every command that keeps states, and one that keeps none. */
const RUNS: readonly Killed[] = [
  {
    name: 'prune',
    argv: (at) => prune(at, '--method', 'chita', '--samples', '40', '--sparsity', '0.6'),
    output: 'p.onnx',
  },
  {
    name: 'gradual',
    argv: (at) => [
      ...prune(at, '--method', 'chita', '--samples', '40', '--sparsity', '0.8', '--gradual', '--prunings', '3'),
      ...['--epochs', '12', ...TRAINED],
    ],
    output: 'g.onnx',
  },
  {
    name: 'auto',
    argv: (at) => prune(at, '--gradients', '2400', '--batch', '16', '--sparsity', '0.6'),
    output: 'a.onnx',
  },
  { name: 'few samples', argv: (at) => prune(at, '--sparsity', '0.6'), output: 'a.onnx' },
  {
    name: 'reconstruct',
    argv: (at) => prune(at, '--method', 'reconstruct', '--samples', '60', '--sparsity', '0.6'),
    output: 'r.onnx',
  },
  {
    name: 'max-drop',
    argv: (at) => [
      ...prune(at, '--method', 'magnitude', '--max-drop', '20%', '--eval', at.data, '--gradual', '--prunings', '2'),
      ...['--epochs', '2', ...TRAINED],
    ],
    output: 'm.onnx',
  },
  {
    name: 'finetune',
    argv: ({ half, data }) => ['finetune', half, '--data', data, '--batch', '16', '--epochs', '12', '--rate', '0.05'],
    output: 'f.onnx',
  },
  {
    name: 'sweep',
    argv: ({ model, data }) => [
      ...['sweep', model, '--data', data, '--eval', data, '--methods', 'magnitude,chita', '--samples', '40'],
      ...['--sparsity', '0.5,0.7', '--seeds', '1,2'],
    ],
    output: 'swept',
  },
  { name: 'compile', argv: ({ half }) => ['compile', half], output: 'c.wasm', keepsNone: true },
  {
    name: 'prune and compile',
    argv: (at) => prune(at, '--method', 'reconstruct', '--samples', '60', '--sparsity', '0.8', '--compile'),
    output: 'pc.onnx',
  },
];

/** What ends a run: nothing that it hears of, most of the time. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'];
/** Exit codes of a run that heard its signal, or was through before. */
const ENDINGS: readonly (number | null)[] = [null, 0, 129, 130, 143];
/** How often one run is ended at most. */
const MOST = 3;

/** What a run writes where nobody ends it, and how long it takes. */
interface Whole {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly took: number;
}

const known = new Map<string, Whole>();
let places: Places | undefined;

async function prepared(folder: Folder): Promise<Places> {
  if (places !== undefined) return places;
  const model = folder.model('net.onnx', SMALL);
  const half = folder.at('half.onnx');
  await command(['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '--no-latency', '-o', half], {
    folder: folder.path,
  });
  places = { model, half, data: folder.data('train', { rows: 96 }) };
  return places;
}

const argvOf = (run: Killed, at: Places): string[] => [
  ...run.argv(at),
  ...(run.keepsNone ? [] : ['--threads', '1', '--checkpoint-every', '0']),
  ...['-o', run.output],
];

async function wholeOf(run: Killed, at: Places, place: string): Promise<Whole> {
  const before = known.get(run.name);
  if (before !== undefined) return before;
  mkdirSync(place, { recursive: true });
  const done = await command(argvOf(run, at), { folder: place });
  if (done.code !== 0) throw new Error(`${run.name} does not even run: ${lastLine(done)}`);
  const whole = { files: contents(place), took: done.took };
  known.set(run.name, whole);
  rmSync(place, { recursive: true });
  return whole;
}

let folder: Folder | undefined;

/** Runs that are ended at any moment, again while they go on: the same files in the end, and nothing else. */
export const kills: Campaign = {
  name: 'kills',
  summary: 'runs of every command killed at random moments, and again while they go on: the same bytes, nothing left',
  limit: 120,
  async case(seed: number, index: number, { scratch }): Promise<Verdict> {
    folder ??= new Folder();
    const at = await prepared(folder);
    const rng = random(seed).fork(`case ${index}`);
    const run = RUNS[index % RUNS.length] as Killed;
    const place = join(scratch, 'killed');
    rmSync(place, { recursive: true, force: true });
    const whole = await wholeOf(run, at, place);
    mkdirSync(place, { recursive: true });
    const state = `${run.output.replace(/\.onnx$/, '')}.checkpoint`;
    const next = (): string[] => (existsSync(join(place, state, 'journal.json')) ? ['resume', state] : argvOf(run, at));
    const times = 1 + rng.integer(MOST);
    let ended = 0;
    for (let t = 0; t < times; t++) {
      const signal = SIGNALS[rng.integer(SIGNALS.length)] as NodeJS.Signals;
      const kill = { signal, after: rng.uniform() * whole.took };
      const stopped = await command(next(), { folder: place, kill });
      if (!ENDINGS.includes(stopped.code))
        return wrong(`${run.name}, ${signal}: exit code ${stopped.code}: ${lastLine(stopped)}`);
      if (stopped.code === 0) break;
      ended++;
    }
    const last = await command(next(), { folder: place });
    if (last.code !== 0) return wrong(`${run.name} does not go on: ${lastLine(last)}`);
    const now = contents(place);
    for (const [name, bytes] of whole.files)
      if (now.get(name)?.equals(bytes) !== true) return wrong(`${run.name} comes to other bytes in ${name}`);
    const left = [...now.keys()].find((name) => !whole.files.has(name));
    return left === undefined
      ? { ...RIGHT, what: `ended ${ended} times` }
      : wrong(`${run.name} leaves ${left.replace(/\d+/g, '#')}`);
  },
};
