import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Verdict } from '../bench/campaign/campaign.ts';
import { checkpoints } from '../bench/campaign/checkpoints.ts';
import { CODES, during } from '../bench/campaign/failing-calls.ts';
import { COMMANDS, FaultBench } from '../bench/campaign/faults.ts';
import { writeFiles } from '../src/files/atomic.node.ts';

const scratch = mkdtempSync(join(tmpdir(), 'coppice-faults-'));
const bench = new FaultBench();
afterAll(() => {
  bench.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const isFault = ({ kind }: Verdict): boolean => kind !== 'right' && kind !== 'refused';

describe('calls of the file system that fail', () => {
  it('do so where they are told to, and are counted', async () => {
    const write = () => writeFiles(scratch, { a: 'x' }).then(() => 'written', String);
    const { result, called } = await during({ at: Number.POSITIVE_INFINITY, code: 'EIO', stays: false }, write);
    expect([result, called.failed, called.calls > 5]).toEqual(['written', null, true]);
    for (let at = 1; at <= called.calls; at++) {
      const { called: again } = await during({ at, code: 'EIO', stays: false }, write);
      expect(again.failed).not.toBeNull();
    }
  });

  // every k of every command: npm run campaign -- faults
  it.each(COMMANDS.map((command, i) => [command.name, command, i] as const))(
    'cost no output and are told in a sentence: %s',
    async (_, command, i) => {
      const { calls } = await bench.known(command);
      const found: Verdict[] = [];
      const step = Math.ceil(calls / 6);
      for (let at = 1 + i; at <= calls; at += step) {
        const code = CODES[(at + i) % CODES.length] ?? 'EIO';
        found.push(await bench.case(command, { at, code, stays: at % 3 === 0 }, at % 2 === 0));
      }
      expect(found.length).toBeGreaterThan(3);
      expect(found.filter(isFault)).toEqual([]);
    },
    120_000,
  );
});

it('states with something changed are refused', async () => {
  const around = { scratch: join(scratch, 'states'), entering: () => undefined };
  const found: Verdict[] = [];
  for (let index = 0; index < 300; index++) found.push(await checkpoints.case(9, index, around));
  expect(found.filter(isFault)).toEqual([]);
  expect(found.filter(({ kind }) => kind === 'refused').length).toBeGreaterThan(200);
}, 60_000);
