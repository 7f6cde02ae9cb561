import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';
import { Folder, SMALL } from '../../test/cli-harness.ts';
import { type Campaign, RIGHT, type Verdict, wrong } from './campaign.ts';
import { contents, preparePages } from './command.ts';
import { type Called, CODES, type Code, during, type Fault } from './failing-calls.ts';

/** What is tried with failing calls. */
interface Command {
  readonly name: string;
  /** Of {@link Places}; what is written goes into `out`, which is empty before, or holds what an earlier run wrote. */
  readonly argv: (places: Places) => string[];
  /** Models among what is written: old, absent or right, whatever fails. */
  readonly models: readonly string[];
  readonly reports: readonly string[];
}

interface Places {
  readonly model: string;
  readonly half: string;
  readonly data: string;
  readonly report: string;
  readonly out: string;
}

const QUICK = ['--threads', '1', '--no-latency'];
const TRAINED = ['--epochs', '2', '--rate', '0.05', '--checkpoint-every', '0'];

/** Short runs of every kind. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'prune',
    argv: ({ model, data, out }) => [
      ...['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '--eval', data, ...QUICK],
      ...['-o', join(out, 'p.onnx'), '--report', join(out, 'report')],
    ],
    models: ['p.onnx'],
    reports: ['report/report.json'],
  },
  {
    name: 'gradients',
    argv: ({ model, data, out }) => [
      ...['prune', model, '--method', 'chita', '--sparsity', '0.5', '--data', data, '--samples', '30'],
      ...[...QUICK, '-o', join(out, 'p.onnx')],
    ],
    models: ['p.onnx'],
    reports: [],
  },
  {
    name: 'gradual',
    argv: ({ model, data, out }) => [
      ...['prune', model, '--method', 'chita', '--sparsity', '0.6', '--data', data, '--samples', '30', '--gradual'],
      ...['--prunings', '2', '--train-batch', '16', ...TRAINED, ...QUICK, '-o', join(out, 'g.onnx')],
    ],
    models: ['g.onnx'],
    reports: [],
  },
  {
    name: 'auto',
    argv: ({ model, data, out }) => [
      ...['prune', model, '--gradients', '640', '--sparsity', '0.5', '--data', data, '--batch', '16', ...QUICK],
      ...['-o', join(out, 'a.onnx')],
    ],
    models: ['a.onnx'],
    reports: [],
  },
  {
    name: 'reconstruct',
    argv: ({ model, data, out }) => [
      ...['prune', model, '--method', 'reconstruct', '--sparsity', '0.6', '--data', data, '--samples', '30'],
      ...['--checkpoint-every', '0', ...QUICK, '-o', join(out, 'r.onnx')],
    ],
    models: ['r.onnx'],
    reports: [],
  },
  {
    name: 'compile',
    argv: ({ half, out }) => ['compile', half, '-o', join(out, 'c.wasm')],
    models: ['c.wasm', 'c.js', 'c.d.ts'],
    reports: [],
  },
  {
    name: 'sweep',
    argv: ({ model, data, out }) => [
      ...['sweep', model, '--methods', 'magnitude,chita', '--sparsity', '0.5', '--samples', '30', '--data', data],
      ...['--eval', data, '--threads', '1', '-o', join(out, 'swept'), '--report', join(out, 'report')],
    ],
    models: ['swept/net-magnitude-0.5.onnx', 'swept/net-chita-0.5.onnx'],
    reports: ['report/sweep.json'],
  },
  {
    name: 'finetune',
    argv: ({ half, data, out }) => [
      ...['finetune', half, '--data', data, '--batch', '16', '--threads', '1', ...TRAINED, '-o', join(out, 'f.onnx')],
    ],
    models: ['f.onnx'],
    reports: [],
  },
  {
    name: 'report',
    argv: ({ report, out }) => ['report', report, '--format', 'md', '-o', join(out, 'again')],
    models: [],
    reports: [],
  },
];

/** A command as it was done without faults. */
interface Known {
  readonly calls: number;
  readonly out: ReadonlyMap<string, Buffer>;
}

/** The commands in a folder of their own. */
export class FaultBench {
  readonly #folder = new Folder();
  #places: Places | undefined;
  readonly #known = new Map<Command, Known>();

  /** How many calls of the file system a command makes, and what it writes. */
  async known(command: Command): Promise<Known> {
    const known = this.#known.get(command);
    if (known !== undefined) return known;
    const places = await this.#prepared();
    await told(command.argv(places)); // what is loaded once is loaded
    rmSync(places.out, { recursive: true });
    mkdirSync(places.out);
    const { result, called } = await during(NONE, () => told(command.argv(places)));
    if (result.code !== 0) throw new Error(`${command.name} does not even run: ${result.err}`);
    const found = { calls: called.calls, out: contents(places.out) };
    this.#known.set(command, found);
    return found;
  }

  /** Runs a command while a call fails, and goes on with it where it can. @param over  whether an earlier result stands there */
  async case(command: Command, fault: Fault, over: boolean): Promise<Verdict> {
    const places = await this.#prepared();
    const known = await this.known(command);
    rmSync(places.out, { recursive: true, force: true });
    mkdirSync(places.out);
    if (over) for (const name of command.models) put(join(places.out, name), OLD);
    const { result, called } = await during(fault, () => told(command.argv(places)));
    const judged = judge(command, { result, called, fault, known, out: places.out, over });
    if (judged !== null) return wrong(`${command.name}, ${fault.code} in ${called.failed?.call}: ${judged}`);
    return (
      (await this.#goingOn(command, places, known)) ??
      (result.code === 0 ? RIGHT : { kind: 'refused', what: `exit code ${result.code}` })
    );
  }

  remove(): void {
    this.#folder.remove();
  }

  /** Where a state is left, `coppice resume` comes to the same bytes. */
  async #goingOn(command: Command, places: Places, known: Known): Promise<Verdict | null> {
    const state = readdirSync(places.out).find((name) => name.endsWith('.checkpoint'));
    if (state === undefined || !existsSync(join(places.out, state, 'journal.json'))) return null;
    const resumed = await told(['resume', join(places.out, state)]);
    if (resumed.code !== 0) return wrong(`${command.name} cannot be resumed: ${resumed.err.trim().split('\n').at(-1)}`);
    const now = contents(places.out);
    const other = command.models.find((name) => !isSame(now.get(name), known.out.get(name)));
    if (other !== undefined) return wrong(`${command.name} is resumed to other bytes`);
    const left = [...now.keys()].filter((name) => !known.out.has(name) && !isDraft(name));
    return left.length === 0
      ? null
      : wrong(`${command.name} leaves ${left[0]?.replace(/\d+/g, '#')} after it was resumed`);
  }

  async #prepared(): Promise<Places> {
    if (this.#places !== undefined) return this.#places;
    const folder = this.#folder;
    const model = folder.model('net.onnx', SMALL);
    const data = folder.data('train', { rows: 64 });
    const places = { model, data, half: folder.at('half.onnx'), report: folder.at('made'), out: folder.at('out') };
    mkdirSync(places.out);
    const half = ['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '--no-latency', '-o', places.half];
    const { code, err } = await told([...half, '--report', places.report]);
    if (code !== 0) throw new Error(err);
    this.#places = places;
    return places;
  }
}

const NONE: Fault = { at: Number.POSITIVE_INFINITY, code: 'EIO', stays: false };
const OLD = Buffer.from('what stood there before');

function put(path: string, bytes: Buffer): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
}

function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a !== undefined && b !== undefined && a.equals(b);
}

function isDraft(name: string): boolean {
  return /\.(tmp|old)$/.test(name);
}

interface Told {
  readonly code: number;
  readonly err: string;
}

async function told(argv: readonly string[]): Promise<Told> {
  let err = '';
  const io: Io = {
    out: () => undefined,
    err: (text) => {
      err += text;
    },
    terminal: false,
    columns: 80,
    env: {},
    signal: new AbortController().signal,
  };
  return { code: await run(argv, io, '1.2.3'), err };
}

/** How each code is told. */
const SAID: Readonly<Record<Code, RegExp>> = {
  ENOSPC: /the disk is full/,
  EIO: /the device reports an error \(EIO\)/,
  EACCES: /permission|may not be written|not readable/,
  EMFILE: /too many files open/,
};
const EXIT_CODES: readonly number[] = [0, 2, 3, 5, 6, 8];

interface Outcome {
  readonly result: Told;
  readonly called: Called;
  readonly fault: Fault;
  readonly known: Known;
  readonly out: string;
  readonly over: boolean;
}

/** What is wrong with how a command failed; null = nothing. */
function judge(command: Command, { result: { code, err }, called, fault, known, out, over }: Outcome): string | null {
  if (!EXIT_CODES.includes(code)) return `exit code ${code}: ${err.trim().split('\n').at(-1)}`;
  const lines = err.trim().split('\n');
  const sentence = lines.at(-1) ?? '';
  if (/^\s+at |\bundefined\b|\[object /m.test(err)) return `no sentence: ${sentence}`;
  const now = contents(out);
  const models = command.models.map((name) => [name, now.get(name)] as const);
  for (const [name, bytes] of models)
    if (bytes !== undefined && !isSame(bytes, known.out.get(name)) && !(over && bytes.equals(OLD)))
      return `a part of ${name}`;
  const areRight = models.every(([name, bytes]) => isSame(bytes, known.out.get(name)));
  for (const name of command.reports) {
    const report = now.get(name);
    if (report !== undefined && !isJson(report)) return `a part of ${name}`;
    if (code === 0 && report === undefined) return `exit code 0 without ${name}`;
  }
  if ((code === 0 || code === 8) && !areRight) return `exit code ${code} without the model`;
  if (code !== 0) {
    if (!sentence.startsWith('coppice: ')) return `no sentence: ${sentence}`;
    if (!SAID[fault.code].test(sentence)) return `untrue: ${sentence}`;
    if (command.models.length === 1 && areRight && code !== 8)
      return `the model is there, and the exit code ${code}: ${sentence}`;
  }
  const isRemoval = called.failed !== null && ['rm', 'unlink', 'rename'].includes(called.failed.call);
  const left = [...now.keys()].filter(isDraft);
  return left.length === 0 || isRemoval || fault.stays ? null : `a draft is left: ${left[0]?.replace(/\d+/g, '#')}`;
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

let bench: FaultBench | undefined;

/** Every call of the file system of every command fails once by each code, then with all behind it. */
export const faults: Campaign = {
  name: 'faults',
  summary:
    'each call of the file system of short runs fails: one true sentence, outputs old, absent or whole, resumed to the same bytes',
  limit: 60,
  async case(seed: number, index: number): Promise<Verdict> {
    preparePages();
    bench ??= new FaultBench();
    const each: (readonly [Command, number])[] = [];
    for (const command of COMMANDS) {
      const { calls } = await bench.known(command);
      for (let at = 1; at <= calls; at++) each.push([command, at]);
    }
    const [command, at] = each[index % each.length] as readonly [Command, number];
    const round = seed - 1 + Math.floor(index / each.length);
    const code = CODES[round % CODES.length] as Code;
    return bench.case(command, { at, code, stays: Math.floor(round / CODES.length) % 2 === 1 }, round % 2 === 1);
  },
};
