import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { shellCommand } from './shell-command.ts';

describe('shellCommand', () => {
  it('leaves plain arguments plain', () => {
    expect(shellCommand(['coppice', 'prune', 'a.onnx', '--scale', '1/255'])).toBe('coppice prune a.onnx --scale 1/255');
  });

  it('is read back unchanged by a shell', () => {
    const args = ['two words', "it's", '$HOME', '', 'train.bin[0:500]', 'a"b', 'x\ny', '*'];
    const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    const output = execFileSync('sh', ['-c', `${shellCommand([process.execPath, '-e', print, '--', ...args])}`]);
    expect(JSON.parse(output.toString())).toEqual(args);
  });
});
