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
  });
});
