import { type ChildProcess, execFileSync, type StdioOptions, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, Folder, SMALL } from './cli-harness.ts';
import { compileSources } from './compiled.ts';

const COMPILED = resolve(import.meta.dirname, `../.test-dist-outputs-${process.pid}`);
const folder = new Folder();
const [model, data] = [folder.model('net.onnx', SMALL), folder.data('train', { rows: 40 })];
const [xs, ys] = data.slice('npy:'.length).split(',') as [string, string];
const prune = (output: string, ...more: string[]): string[] => [
  ...['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '--no-latency', '-o', output, ...more],
];
const wanted = folder.at('wanted.onnx');

beforeAll(async () => {
  await compileSources(COMPILED);
  expect((await cli(prune(wanted))).code).toBe(0);
}, 60_000);
afterAll(() => {
  rmSync(COMPILED, { recursive: true, force: true });
  folder.remove();
});

const same = (path: string): boolean => readFileSync(path).equals(readFileSync(wanted));
const drafts = (): string[] => readdirSync(folder.path).filter((name) => /\.(tmp|old)$/.test(name));

/** The program as a process. */
function program(argv: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawn(process.execPath, [join(COMPILED, 'cli/main.node.js'), ...argv], { stdio });
}

function ended(child: ChildProcess): Promise<{ code: number | null; err: string }> {
  let err = '';
  child.stderr?.on('data', (text) => {
    err += text;
  });
  return new Promise((done) => child.on('close', (code) => done({ code, err })));
}

describe('the output', () => {
  it('follows a link to its target, which is replaced, and to one that is not there yet', async () => {
    mkdirSync(folder.at('away'));
    writeFileSync(folder.at('away/old.onnx'), 'old');
    symlinkSync('away/old.onnx', folder.at('link.onnx'));
    symlinkSync('away/new.onnx', folder.at('dangling.onnx'));
    for (const name of ['link', 'dangling']) expect((await cli(prune(folder.at(`${name}.onnx`)))).code).toBe(0);
    expect(['link', 'dangling'].map((name) => lstatSync(folder.at(`${name}.onnx`)).isSymbolicLink())).toEqual([
      true,
      true,
    ]);
    expect([same(folder.at('away/old.onnx')), same(folder.at('away/new.onnx'))]).toEqual([true, true]);
  });

  it('goes into a pipe as it would into a file, report and all', async () => {
    const pipe = folder.at('pipe.onnx');
    execFileSync('mkfifo', [pipe]);
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const read = new Promise((done) => reader.on('close', done));
    const { code, out } = await cli(prune(pipe, '--json'));
    await read;
    expect([code, Buffer.concat(chunks).equals(readFileSync(wanted))]).toEqual([0, true]);
    expect(statSync(pipe).isFIFO()).toBe(true);
    const file = JSON.parse((await cli(prune(wanted, '--json'))).out);
    const piped = JSON.parse(out);
    expect([piped.output.sha256, piped.bytes.after]).toEqual([file.output.sha256, file.bytes.after]);
  });

  it('leaves a device as it is', async () => {
    expect((await cli(prune('/dev/null'))).code).toBe(0);
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    const full = await cli(prune('/dev/full'));
    expect([full.code, full.err]).toEqual([2, expect.stringContaining('"/dev/full": the disk is full\n')]);
  });

  it.each([
    ['the model', () => [model], 'the model itself'],
    ['the model by a hard link', () => [folder.at('hard.onnx')], 'the model itself'],
    ['what --eval reads', () => [ys, '--eval', data], 'what --eval reads'],
    ['what --data reads', () => [xs, '--data', data], 'what --data reads'],
    ['the config file', () => [folder.write('set.json', '{}'), '--config', folder.at('set.json')], 'the config file'],
  ])('is never %s', async (_, argv, what) => {
    rmSync(folder.at('hard.onnx'), { force: true });
    linkSync(model, folder.at('hard.onnx'));
    const [output = '', ...more] = argv();
    const before = readFileSync(output);
    const { code, err } = await cli(prune(output, ...more));
    expect([code, err]).toEqual([2, `coppice: Cannot write to "${output}": it is ${what}; give another name\n`]);
    expect(readFileSync(output).equals(before)).toBe(true);
  });

  it('may not be a report that the recipe was read from', async () => {
    const [place, other] = [folder.at('report'), folder.at('again.onnx')];
    await cli(prune(folder.at('first.onnx'), '--report', place));
    const { code, err } = await cli(['run', join(place, 'report.json'), model, '-o', other, '--report', place]);
    expect([code, err]).toEqual([2, expect.stringContaining('it is the recipe; give another name')]);
  });

  it.each([
    ['a name that is too long', () => folder.at(`${'n'.repeat(10_000)}.onnx`), 'its name is too long'],
    ['a link in a circle', () => folder.at('circle.onnx'), 'its links lead in a circle'],
    ['a folder', () => folder.path, 'it is a folder; name a file'],
  ])('is refused for %s', async (_, output, why) => {
    rmSync(folder.at('circle.onnx'), { force: true });
    symlinkSync('circle.onnx', folder.at('circle.onnx'));
    const { code, err } = await cli(prune(output()));
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
    expect(err.split('\n')).toHaveLength(2);
  });

  it('and a config file that is a pipe is not waited for', async () => {
    const pipe = folder.at('config.pipe');
    execFileSync('mkfifo', [pipe]);
    const { code, err } = await cli(prune(folder.at('x.onnx'), '--config', pipe));
    expect([code, err]).toEqual([2, expect.stringContaining('it is a pipe or a device, wanted a file; save it first')]);
  });
});

describe('a report that cannot be written', () => {
  it('costs the report, and the exit code says so', async () => {
    const [output, report] = [folder.at('kept.onnx'), folder.at('reported')];
    mkdirSync(join(report, 'report.html'), { recursive: true });
    const { code, out, err } = await cli(prune(output, '--report', report));
    expect([code, same(output)]).toEqual([8, true]);
    expect(err.trim().split('\n').at(-1)).toBe(
      `coppice: The model was written to "${output}"; what follows failed: Cannot write the report to "${report}": there is a folder of that name`,
    );
    expect(out).toContain(`model   ${output}`);
    expect(out).not.toContain('report  ');
  });
});

describe('streams cost the messages, never the model', () => {
  it('standard error closed by its reader', async () => {
    const output = folder.at('deaf.onnx');
    const child = program(prune(output), ['ignore', 'ignore', 'pipe']);
    child.stderr?.destroy();
    expect(await ended(child)).toMatchObject({ code: 0 });
    expect(same(output)).toBe(true);
  });

  it('standard output closed by its reader', async () => {
    const output = folder.at('mute.onnx');
    const child = program(prune(output), ['ignore', 'pipe', 'pipe']);
    child.stdout?.destroy();
    expect(await ended(child)).toMatchObject({ code: 0 });
    expect(same(output)).toBe(true);
  });

  it('standard output on a full disk, which is told', async () => {
    const [output, full] = [folder.at('full.onnx'), openSync('/dev/full', 'w')];
    const { code, err } = await ended(program(prune(output), ['ignore', full, 'pipe']));
    closeSync(full);
    expect([code, err.trim().split('\n').at(-1)]).toEqual([8, 'coppice: Cannot print the result: the disk is full']);
    expect(same(output)).toBe(true);
  });

  it('standard error on a full disk', async () => {
    const [output, full] = [folder.at('full-err.onnx'), openSync('/dev/full', 'w')];
    expect((await ended(program(prune(output), ['ignore', 'ignore', full]))).code).toBe(0);
    closeSync(full);
    expect(same(output)).toBe(true);
  });

  it.each(['SIGHUP', 'SIGTERM', 'SIGINT'] as const)(
    '%s stops at a safe point, with a sentence',
    async (name) => {
      const output = folder.at(`${name}.onnx`);
      const argv = [
        'prune',
        model,
        '--data',
        data,
        '--eval',
        data,
        '--gradual',
        '--epochs',
        '100000',
        '--sparsity',
        '0.5',
      ];
      const child = program(
        [...argv, '--checkpoint-every', '0', '-o', output, '--events', 'ndjson'],
        ['ignore', 'ignore', 'pipe'],
      );
      const whole = ended(child);
      while (!existsSync(folder.at(`${name}.checkpoint/journal.json`)))
        await new Promise((done) => setTimeout(done, 10));
      child.kill(name);
      const { code, err } = await whole;
      expect([code, err]).toEqual([130, expect.stringContaining('interrupted; nothing was left half-written')]);
      expect([existsSync(output), existsSync(folder.at(`${name}.checkpoint/journal.json`))]).toEqual([false, true]);
    },
    60_000,
  );
});

it('nothing of all this leaves a draft', () => {
  expect(drafts()).toEqual([]);
});
