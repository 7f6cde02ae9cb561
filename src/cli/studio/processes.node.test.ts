import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isProcessOf } from './processes.node.ts';

const ended = spawnSync(process.execPath, ['-e', '']).pid;

describe('a process of a run', () => {
  it('lives, and has the words of the run on its command line', () => {
    expect(isProcessOf(process.pid, 'run-7', () => 'node main.js --report=runs/run-7')).toBe(true);
    expect(isProcessOf(process.pid, 'run-7', () => 'node main.js --report=runs/run-8')).toBe(false);
    expect(isProcessOf(ended, 'run-7', () => 'node main.js --report=runs/run-7')).toBe(false);
  });

  it("is another's where nothing tells its command line, or there are no words to look for", () => {
    expect(isProcessOf(process.pid, 'run-7', () => null)).toBe(false);
    expect(isProcessOf(process.pid, '', () => 'node')).toBe(false);
    expect(isProcessOf(-1, 'node', () => 'node')).toBe(false);
  });

  it('is recognised by what the system says of it', () => {
    const own = process.argv0.split('/').at(-1) as string;
    expect(isProcessOf(process.pid, own)).toBe(true);
    expect(isProcessOf(process.pid, 'words that are on no command line')).toBe(false);
  });
});
