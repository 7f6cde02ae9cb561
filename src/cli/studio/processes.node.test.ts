import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isProcessOf, RUN_VARIABLE } from './processes.node.ts';

const ended = spawnSync(process.execPath, ['-e', '']).pid;
const secret = 'ab'.repeat(32);
const own = `HOME=/x\0${RUN_VARIABLE}=${secret}\0LANG=C\0`;

describe('a process of a run', () => {
  it('lives, and was begun with the secret of the run', () => {
    expect(isProcessOf(process.pid, secret, () => own)).toBe(true);
    expect(isProcessOf(process.pid, 'cd'.repeat(32), () => own)).toBe(false);
    expect(isProcessOf(process.pid, secret.slice(0, -1), () => own)).toBe(false);
    expect(isProcessOf(ended, secret, () => own)).toBe(false);
  });

  it("is another's where nothing tells its environment, or there is no secret", () => {
    expect(isProcessOf(process.pid, secret, () => null)).toBe(false);
    expect(isProcessOf(process.pid, '', () => `${RUN_VARIABLE}=\0`)).toBe(false);
    expect(isProcessOf(-1, secret, () => own)).toBe(false);
  });

  it('is recognised by what the system says of it, whatever its command line says', async () => {
    const child = spawn('sleep', ['30'], { env: { ...process.env, [RUN_VARIABLE]: secret } });
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 30000)', `${RUN_VARIABLE}=${secret}`]);
    await Promise.all([child, other].map((one) => new Promise((done) => one.once('spawn', done))));
    try {
      expect(isProcessOf(child.pid ?? 0, secret)).toBe(true);
      if (process.platform === 'linux') expect(isProcessOf(other.pid ?? 0, secret)).toBe(false);
    } finally {
      for (const one of [child, other]) one.kill();
    }
  });
});
