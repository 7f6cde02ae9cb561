import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Folder, SMALL } from './cli-harness.ts';

const MAIN = resolve('dist/cli/main.node.js');
const folder = new Folder();
afterAll(() => folder.remove());

function coppice(...argv: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...argv], { encoding: 'utf8' });
}

describe.skipIf(!existsSync(MAIN))('the built program (npm run build)', () => {
  it('prints its version and its help', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(coppice('--version')).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
    const help = coppice('--help');
    expect(help).toMatchObject({ status: 0, stderr: '' });
    for (const command of ['inspect', 'prune', 'eval', 'compare', 'sweep'])
      expect(help.stdout).toContain(`  ${command} `);
  });

  it('ends with an exit code and one sentence', () => {
    const page = folder.write('page.onnx', '<html></html>');
    const { status, stdout, stderr } = coppice('inspect', page);
    expect([status, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^coppice: [^\n]+HTML[^\n]+\n$/);
  });

  it('prunes, and puts nothing but the document on stdout', () => {
    const model = folder.model('small.onnx', SMALL);
    const { status, stdout } = coppice(
      'prune',
      model,
      '--method',
      'magnitude',
      '--sparsity',
      '0.5',
      '-o',
      folder.at('p.onnx'),
      '--json',
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'coppice/report@1', nonzeros: 28 });
  });

  it('goes on after kill -9 to the same file, byte for byte', async () => {
    const model = folder.model('gradual.onnx', SMALL);
    const data = folder.data('kill', { rows: 400 });
    const run = (output: string): string[] => [
      ...['prune', model, '--data', data, '--method', 'chita', '--samples', '40', '--sparsity', '0.8', '--gradual'],
      ...['--prunings', '2', '--epochs', '8', '--train-batch', '16', '--optimizer', 'adam', '--rate', '0.001'],
      ...['--threads', '1', '--no-latency', '--checkpoint-every', '0', '-o', output, '-q'],
    ];
    const [whole, killed] = [folder.at('whole.onnx'), folder.at('killed.onnx')];
    expect(coppice(...run(whole)).status).toBe(0);
    const state = folder.at('killed.checkpoint');
    const child = spawn(process.execPath, [MAIN, ...run(killed)], { stdio: 'ignore' });
    const ended = new Promise((done) => child.on('exit', (_, signal) => done(signal)));
    while (!existsSync(`${state}/journal.json`)) await new Promise((done) => setTimeout(done, 5));
    setTimeout(() => child.kill('SIGKILL'), 100);
    expect(await ended).toBe('SIGKILL');
    expect(existsSync(killed)).toBe(false);
    expect(coppice('resume', state, '-q')).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(killed).equals(readFileSync(whole))).toBe(true);
    expect(existsSync(state)).toBe(false);
  }, 120_000);

  it('exits with 130 at Ctrl-C, with nothing written', async () => {
    const model = folder.model('long.onnx', SMALL);
    const argv = [
      'prune',
      model,
      '--method',
      'chita++',
      '--batch',
      '1',
      '--stages',
      '100000',
      '--schedule',
      'linear',
      '--sparsity',
      '0.5',
    ];
    const before = readdirSync(folder.path);
    const child = spawn(process.execPath, [MAIN, ...argv, '--data', 'random:200', '-o', folder.at('never.onnx')], {
      env: { ...process.env, CI: '1' },
    });
    let said = '';
    const code = await new Promise((done) => {
      child.stderr.on('data', (chunk) => {
        if (said === '') setTimeout(() => child.kill('SIGINT'), 500); // the first warning: the run is under way
        said += chunk;
      });
      child.on('exit', done);
    });
    expect(code).toBe(130);
    expect(said).toContain('coppice: interrupted; nothing was left half-written\n');
    expect(readdirSync(folder.path)).toEqual(before);
  }, 120_000);

  it('solves blocks in worker threads to the same file, byte for byte', () => {
    const model = folder.model(
      'wide.onnx',
      `
      input x: float32[N, 8]
      const w1: float32[8, 300] = random(1, 0.3)
      const w2: float32[300, 300] = random(2, 0.1)
      const w3: float32[300, 3] = random(3)
      h = MatMul(x, w1)
      r = Relu(h)
      i = MatMul(r, w2)
      s = Relu(i)
      y = MatMul(s, w3)
      output y
    `,
    );
    const files = [1, 2, 3].map((threads) => {
      const output = folder.at(`wide-${threads}.onnx`);
      const { status, stderr } = coppice(
        ...['prune', model, '--data', 'random:256', '--labels', 'model', '--method', 'chita-block', '--samples', '256'],
        ...['--sparsity', '0.9', '--block', '4000', '--threads', String(threads), '--no-latency', '-o', output, '-q'],
      );
      expect([status, stderr.includes('Cannot')]).toEqual([0, false]);
      return readFileSync(output);
    });
    for (const file of files.slice(1)) expect(file.equals(files[0] as Buffer)).toBe(true);
  }, 120_000);
});
