import { describe, expect, it } from 'vitest';
import { bytesInMemory } from './byte-source.ts';
import { cifarBytes } from './bytes.cases.ts';
import { cifar10Rows, cifar10Source } from './cifar.ts';

const FILES = [bytesInMemory('a', cifarBytes([3, 1, 4])), bytesInMemory('b', cifarBytes([1, 5]))];

const open = (start?: number, end?: number, files = FILES) =>
  cifar10Source({ kind: 'cifar10', files, range: { start, end }, address: 'cifar10:a,b' });

async function joined(pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece);
  return Buffer.concat(parts).toString('latin1');
}

describe('cifar10Source', () => {
  it('lays files end to end', async () => {
    const source = await open();
    expect([...(source.labels ?? [])]).toEqual([3, 1, 4, 1, 5]);
    expect([source.count, source.dims]).toEqual([5, [3, 32, 32]]);
    const [second, fourth] = await source.rows([1, 3]);
    expect([second?.length, second?.[0], fourth?.[1]]).toEqual([3072, 7, 1]);
  });

  it('takes rows across the border of two files', async () => {
    const source = await open(2, 4);
    expect([...(source.labels ?? [])]).toEqual([4, 1]);
    expect((await source.rows([0, 1])).map((row) => row[0])).toEqual([14, 0]);
  });

  it('is identified by its rows, however they are laid out in files', async () => {
    const whole = Buffer.concat([cifarBytes([3, 1, 4]), cifarBytes([1, 5])]);
    const one = await open(undefined, undefined, [bytesInMemory('c', whole)]);
    const identity = await joined((await open()).pieces());
    expect(await joined(one.pieces())).toBe(identity);
    expect(await joined((await open(1)).pieces())).not.toBe(identity);
    expect(identity.startsWith('x uint8 [5,3,32,32]\n')).toBe(true);
    expect(identity.length).toBe(20 + 5 * 3072 + 'labels int32 [5]\n'.length + 20);
  });

  it('refuses a label above 9 and names its row', async () => {
    const files = [bytesInMemory('c', cifarBytes([0, 200]))];
    await expect(open(undefined, undefined, files)).rejects.toThrow(/"c".*row 1 is 200/);
  });
});

describe('cifar10Rows', () => {
  it('counts whole rows', async () => {
    expect(await cifar10Rows(bytesInMemory('a', cifarBytes([1, 2])))).toBe(2);
  });

  it.each([
    ['a cut file', cifarBytes([1, 2]).subarray(0, 6000), /multiple of 3073.*got 6000.*cut off/],
    ['an empty file', new Uint8Array(0), /empty/],
    ['an HTML page', new TextEncoder().encode('<html>'), /HTML page/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(cifar10Rows(bytesInMemory('a', bytes))).rejects.toThrow(message);
  });
});
