import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync } from 'node:fs';
import { lstat, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasCheckpoint, readJournal } from '../../checkpoint/checkpoint.node.ts';
import { DataError, messageOf, OptionError } from '../../errors/errors.ts';
import { eventSchema, type RunEvent } from '../../progress/events.ts';
import { isSweep, readReport } from '../../report/read.node.ts';
import type { Report } from '../../report/report.ts';
import { total } from '../measuring.ts';
import type { Answer } from './exchange.node.ts';
import { openPlain, openToAdd, refuseLinks, tailOf } from './plain-files.node.ts';
import { RUN_VARIABLE } from './processes.node.ts';
import {
  type FoundRecord,
  isRunning,
  newNonce,
  type RunRecord,
  readRecord,
  secretOf,
  writeRecord,
} from './run-record.node.ts';
import { argumentsOf, type RunRequest, type RunState, type RunSummary, STUDIO_SCHEMA } from './schema.ts';
import type { StudioKey } from './studio-key.node.ts';

const NAMES = { events: 'events.ndjson', output: 'output.txt', model: 'model.onnx' } as const;

/** A compiled model: it is saved, never run here. */
const PROGRAM = ['model.wasm', 'model.js', 'model.d.ts'];

/** What may be read of a run's folder by the page. */
const SERVED: Readonly<Record<string, string>> = {
  'report.html': 'text/html; charset=utf-8',
  'report.json': 'application/json',
  'sweep.json': 'application/json',
  'model.onnx': 'application/octet-stream',
  ...Object.fromEntries(PROGRAM.map((name) => [name, 'application/octet-stream'])),
};

/** What a run writes into its folder. */
const WRITTEN = [
  ...Object.values(NAMES),
  'model.onnx.data',
  ...PROGRAM,
  'report.json',
  'report.html',
  'sweep.json',
  'model.checkpoint',
];

/** Bytes of events that tell how a run ended. */
const TAIL = 1 << 16;

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;

/** The runs of a folder. Everything lies in files: another server on the same folder sees the same. */
export class Runs {
  readonly folder: string;
  readonly #program: readonly string[];
  readonly #key: StudioKey;

  /**
   * @param program  what runs the command line: the executable, and arguments before its own
   * @param key      tells the runs that were begun here from what else lies in the folder
   */
  constructor(folder: string, program: readonly string[], key: StudioKey) {
    this.folder = folder;
    this.#program = program;
    this.#key = key;
  }

  /** All runs, the newest first: begun here, or folders with a report. */
  async list(): Promise<RunSummary[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory() && ID.test(entry.name));
    const runs = await Promise.all(folders.map(({ name }) => this.summary(name).catch(() => null)));
    return runs.filter((run) => run !== null).sort((a, b) => b.created - a.created);
  }

  /** @throws DataError if there is no such run */
  async summary(id: string): Promise<RunSummary> {
    const folder = await this.folderOf(id);
    const record = await readRecord(folder, this.#key);
    const found = await reportOf(folder);
    if (record === null && found === null) throw new DataError(`Cannot show the run "${id}": its folder holds none`);
    const events = record === null ? [] : await readEvents(folder);
    const { state, message } =
      record === null ? { state: 'finished' as const, message: null } : this.#stateOf(folder, record, events);
    const created = record?.created ?? (await stat(folder)).mtimeMs / 1000;
    return {
      id,
      name: record?.name ?? id,
      state,
      created,
      kind: record?.request.sweep || (found !== null && isSweep(found.document)) ? 'sweep' : 'run',
      cells: cellsOf(found?.document ?? null, record),
      message,
      resumable: record?.isOwn === true ? resumableOf(state, folder) : null,
      hasReport: found !== null && existsSync(join(folder, 'report.html')),
      ...figuresOf(found?.document ?? null, record),
    };
  }

  /** Begins a run. @returns its id */
  async start(request: RunRequest): Promise<string> {
    if (request.sweep === undefined && request.sparsity === undefined && request.flops === undefined)
      throw new OptionError('Cannot prune without a budget: move the slider');
    if (request.sweep !== undefined && !request.eval)
      throw new OptionError('Cannot sweep without data to judge on: give some');
    const created = Date.now() / 1000;
    const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
    const id = `${stamp}-${randomBytes(3).toString('hex')}`;
    const folder = join(this.folder, id);
    await mkdir(folder);
    const given = { output: join(folder, NAMES.model), report: folder, checkpoint: checkpointOf(folder) };
    const record: RunRecord = {
      schema: STUDIO_SCHEMA,
      name: request.name || `${basename(request.model)}, ${methodsOf(request)}`,
      created,
      request,
      arguments: argumentsOf(request, given),
      pid: null,
      nonce: newNonce(),
    };
    await this.#spawn(folder, record, record.arguments).catch(async (thrown) => {
      await rm(folder, { recursive: true, force: true });
      throw thrown;
    });
    return id;
  }

  /** Asks a run to stop at its next safe point. */
  async stop(id: string): Promise<void> {
    const folder = await this.folderOf(id);
    const record = await readRecord(folder, this.#key);
    if (record?.pid == null || !isRunning(folder, record, this.#key))
      throw new DataError(`Cannot stop the run "${id}": it is not running, or was not begun by this studio`);
    process.kill(record.pid, 'SIGINT');
  }

  /** Goes on with a run from its last state, or begins it anew where none was kept. */
  async resume(id: string): Promise<void> {
    const folder = await this.folderOf(id);
    const record = await readRecord(folder, this.#key);
    if (record === null || !record.isOwn) throw new DataError(`Cannot resume the run "${id}": it was not begun here`);
    const { state } = this.#stateOf(folder, record, await readEvents(folder));
    const how = resumableOf(state, folder);
    if (how === null) throw new DataError(`Cannot resume the run "${id}": it is ${state}`);
    if (how === 'from-state') await checkState(folder, record);
    await this.#spawn(folder, record, how === 'from-state' ? ['resume', checkpointOf(folder)] : record.arguments);
  }

  /** The folder of a run, within this folder. @throws DataError if there is none */
  async folderOf(id: string): Promise<string> {
    if (!ID.test(id) || id.includes('..')) throw new DataError(`Cannot find a run by the name "${id.slice(0, 80)}"`);
    const root = await realpath(this.folder);
    const folder = await realpath(join(root, id)).catch(() => null);
    if (folder !== join(root, id)) throw new DataError(`Cannot find the run "${id}": there is no such folder`);
    return folder;
  }

  /** A file of a run as the page may have it. @throws DataError if it may not, or there is none */
  async file(id: string, name: string): Promise<Answer> {
    const type = Object.hasOwn(SERVED, name) ? SERVED[name] : undefined;
    if (type === undefined) throw new DataError(`Cannot show the file "${name}" of a run`);
    const file = await openPlain(join(await this.folderOf(id), name));
    if (file === null) throw new DataError(`Cannot show the file "${name}": the run has not written it`);
    const saved = name.endsWith('.onnx') ? `${id}.onnx` : PROGRAM.includes(name) ? name : null;
    return {
      status: 200,
      type,
      body: file.createReadStream(),
      ...(saved !== null && { headers: { 'content-disposition': `attachment; filename="${saved}"` } }),
    };
  }

  /** The file of a run's events. */
  async eventsFile(id: string): Promise<string> {
    return join(await this.folderOf(id), NAMES.events);
  }

  /** Whether no more events are to come. */
  async isOver(id: string): Promise<boolean> {
    const folder = await this.folderOf(id);
    const record = await readRecord(folder, this.#key);
    return record === null || !isRunning(folder, record, this.#key);
  }

  #stateOf(
    folder: string,
    record: FoundRecord,
    events: readonly RunEvent[],
  ): { state: RunState; message: string | null } {
    return isRunning(folder, record, this.#key) ? { state: 'running', message: null } : endOf(events);
  }

  /** The run outlives this process: its output goes to files, and nobody waits for it. */
  async #spawn(folder: string, record: RunRecord, argv: readonly string[]): Promise<void> {
    await refuseLinks(folder, WRITTEN);
    const [events, output] = [NAMES.events, NAMES.output].map((name) => openToAdd(join(folder, name)));
    const nonce = newNonce();
    const env = { ...process.env, [RUN_VARIABLE]: secretOf(folder, nonce, this.#key) };
    try {
      const [command = process.execPath, ...before] = this.#program;
      const child = spawn(command, [...before, ...argv], { detached: true, stdio: ['ignore', output, events], env });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
      child.unref();
      await writeRecord(folder, { ...record, nonce, pid: child.pid ?? null }, this.#key);
    } catch (cause) {
      throw new DataError(`Cannot start the run: ${messageOf(cause)}`, { cause });
    } finally {
      for (const file of [events, output]) closeSync(file as number);
    }
  }
}

/** The last events of a run: enough to know how it ended. */
async function readEvents(folder: string): Promise<RunEvent[]> {
  const text = await tailOf(join(folder, NAMES.events), TAIL);
  return text.split('\n').slice(-40).flatMap(parseEvent);
}

/** A line as an event; nothing for what is none, such as the last words of a runtime. */
export function parseEvent(line: string): RunEvent[] {
  try {
    return [eventSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

/** How a run ended that does not go on. */
function endOf(events: readonly RunEvent[]): { state: RunState; message: string | null } {
  const begun = events.findLastIndex(({ type }) => type === 'start');
  const last = events.slice(Math.max(0, begun));
  const end = last.findLast((event) => event.type === 'end');
  const failure = last.findLast((event) => event.type === 'failure');
  const message = failure?.type === 'failure' ? failure.message : null;
  if (end?.type !== 'end') return { state: 'interrupted', message };
  if (end.code === 130) return { state: 'stopped', message };
  return end.code === 0 ? { state: 'finished', message: null } : { state: 'failed', message };
}

function checkpointOf(folder: string): string {
  return join(folder, 'model.checkpoint');
}

/** The report of a folder, where there is one that is no link. */
async function reportOf(folder: string): Promise<Awaited<ReturnType<typeof readReport>> | null> {
  for (const name of ['report.json', 'sweep.json']) {
    const found = await lstat(join(folder, name)).catch(() => null);
    if (found?.isFile()) return readReport(join(folder, name)).catch(() => null);
  }
  return null;
}

/** Makes sure that the state in a folder is that of its run: it says which command goes on. @throws DataError */
async function checkState(folder: string, record: RunRecord): Promise<void> {
  const { command } = await readJournal(checkpointOf(folder));
  if (JSON.stringify(command.slice(1)) !== JSON.stringify(record.arguments))
    throw new DataError(`Cannot resume the run "${basename(folder)}": the state in its folder is of another run`);
}

function resumableOf(state: RunState, folder: string): RunSummary['resumable'] {
  if (state === 'running' || state === 'finished') return null;
  return hasCheckpoint(checkpointOf(folder)) ? 'from-state' : 'anew';
}

function methodsOf({ method, sweep }: RunRequest): string {
  return sweep === undefined ? method : sweep.methods.join(', ');
}

function cellsOf(document: Found | null, record: RunRecord | null): number | null {
  if (document !== null && isSweep(document)) return document.cells.length;
  const sweep = record?.request.sweep;
  return sweep === undefined ? null : sweep.methods.length * sweep.budgets.length;
}

type Figures = Pick<
  RunSummary,
  'model' | 'method' | 'sparsity' | 'before' | 'after' | 'macs' | 'bytes' | 'latency' | 'compiled'
>;
type Found = Awaited<ReturnType<typeof readReport>>['document'];

function figuresOf(document: Found | null, record: RunRecord | null): Figures {
  const none = { before: null, after: null, macs: null, bytes: null, latency: null, compiled: null };
  if (document === null) {
    if (record === null) return { ...none, model: null, method: null, sparsity: null };
    const { model, sparsity } = record.request;
    return { ...none, model: basename(model), method: methodsOf(record.request), sparsity: sparsity ?? null };
  }
  if (isSweep(document))
    return {
      ...none,
      model: document.model.name,
      method: document.methods.join(', '),
      sparsity: null,
      before: document.dense.accuracy,
    };
  const { model, asked, sparsity, accuracy, recalibrated, macs, bytes, latency } = document;
  return {
    model: model.name,
    method: asked.method,
    sparsity,
    before: accuracy.before,
    after: recalibrated === null ? accuracy.after : recalibrated.accuracy,
    macs: macs.before === null || macs.after === null || macs.before === 0 ? null : macs.after / macs.before,
    bytes: bytes.after?.brotli ?? null,
    latency: latency?.[0]?.after?.median ?? null,
    compiled: compiledFiguresOf(document.compiled),
  };
}

function compiledFiguresOf(compiled: Report['compiled']): RunSummary['compiled'] {
  if (compiled === null) return null;
  const { files, latency, refused } = compiled;
  const sizes = files.map(({ brotli }) => brotli);
  return {
    files: files.map(({ name }) => name),
    bytes: sizes.length === 0 ? null : total(sizes),
    latency: latency?.compiled.median ?? null,
    refused,
  };
}
