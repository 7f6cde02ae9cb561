import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Folder, SMALL } from './cli-harness.ts';
import { compileSources } from './compiled.ts';

const COMPILED = resolve(import.meta.dirname, `../.test-dist-quiet-${process.pid}`);
const MAIN = join(COMPILED, 'cli/main.node.js');
const folder = new Folder();
const [model, data] = [folder.model('net.onnx', SMALL), folder.data('train', { rows: 120 })];

beforeAll(() => compileSources(COMPILED), 60_000);
afterAll(() => {
  rmSync(COMPILED, { recursive: true, force: true });
  folder.remove();
});

/** What a process and those that it began have open beside files, as far as the system tells. */
function socketsOf({ pid }: ChildProcess): string[] {
  try {
    const files = readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`));
    return files.filter((file) => file.startsWith('socket:'));
  } catch {
    return []; // it has ended, or there is no /proc
  }
}

/** Runs a program with a home, a cache and a folder of temporary files of its own. @returns what lies there after it, and its sockets */
async function traces(
  name: string,
  argv: readonly string[],
): Promise<{ code: unknown; files: string[]; sockets: string[] }> {
  const home = folder.at(name);
  mkdirSync(join(home, 'tmp'), { recursive: true });
  const { CI: _, ORT_DISABLE_TELEMETRY: __, ...env } = process.env;
  const places = { HOME: home, TMPDIR: join(home, 'tmp'), XDG_CACHE_HOME: join(home, 'cache') };
  const child = spawn(process.execPath, [...argv], { cwd: home, env: { ...env, ...places }, stdio: 'ignore' });
  const sockets = new Set<string>();
  const look = setInterval(() => {
    for (const socket of socketsOf(child)) sockets.add(socket);
  }, 20);
  const code = await new Promise((done) => child.on('exit', done));
  clearInterval(look);
  const files = readdirSync(home, { recursive: true, withFileTypes: true, encoding: 'utf8' });
  return { code, files: files.filter((file) => !file.isDirectory()).map(({ name }) => name), sockets: [...sockets] };
}

describe('a run leaves and sends nothing but what it was told to write', () => {
  it.each([
    ['in its own thread', ['--method', 'magnitude', '--sparsity', '0.5', '--eval', data]],
    ['with sessions in worker threads', ['--method', 'chita', '--samples', '60', '--sparsity', '0.5', '--data', data]],
    [
      'of several prunings, with training',
      ['--gradual', '--epochs', '2', '--prunings', '2', '--sparsity', '0.5', '--data', data],
    ],
  ])('%s', async (name, flags) => {
    const argv = [MAIN, 'prune', model, ...flags, '--latency', '-o', 'pruned.onnx'];
    expect(await traces(name, argv)).toEqual({ code: 0, files: ['pruned.onnx'], sockets: [] });
  });

  it('from code, the work in a thread of its own', async () => {
    const index = JSON.stringify(join(COMPILED, 'index.js'));
    const program = folder.write(
      'program.mjs',
      `import { prune, sparsity, writeModel } from ${index};
       const data = ${JSON.stringify(data)};
       const { model } = await prune(${JSON.stringify(model)}, { data, budget: sparsity(0.5), method: 'chita', samples: 60 });
       await writeModel('pruned.onnx', model);`,
    );
    expect(await traces('library', [program])).toEqual({ code: 0, files: ['pruned.onnx'], sockets: [] });
  });

  it('nor from a thread of the caller: there it is refused unless it was switched off before', async () => {
    const runtime = JSON.stringify(join(COMPILED, 'engine/load-runtime.node.js'));
    const thread = folder.write(
      'thread.mjs',
      `import { loadRuntime } from ${runtime};
       await loadRuntime().then(() => process.exit(0), ({ message }) => process.exit(/telemetry/.test(message) ? 9 : 1));`,
    );
    const starting = `import { Worker } from 'node:worker_threads';
       new Worker(${JSON.stringify(thread)}).on('exit', (code) => process.exit(code));`;
    const alone = folder.write('alone.mjs', starting);
    expect(await traces('thread', [alone])).toEqual({ code: 9, files: [], sockets: [] });
    const after = folder.write('after.mjs', `import ${JSON.stringify(join(COMPILED, 'index.js'))};\n${starting}`);
    expect(await traces('thread-after', [after])).toEqual({ code: 0, files: [], sockets: [] });
  });

  it('the switch comes before every load of the runtime', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.(ts|mjs)$/.test(file),
    );
    const loading = sources.filter((file) =>
      /from 'onnxruntime-node'|import\('onnxruntime-node'\)/.test(readFileSync(join('src', file), 'utf8')),
    );
    // types; a process that inherits the environment; threads of a session whose model the main thread was loaded for
    expect(loading.filter((file) => !file.endsWith('.test.ts')).sort()).toEqual([
      'engine/load-runtime.node.ts',
      'engine/onnxruntime.node.ts',
      'engine/provider-check.node.mjs',
      'engine/session-tasks.node.mjs',
    ]);
  });
});
