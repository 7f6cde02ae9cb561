import { expect, it } from 'vitest';
import type { OpenedData } from '../../pipeline/opened-data.ts';
import { sharedRows } from './overlap.ts';

function opened(address: string, count: number): Pick<OpenedData, 'address' | 'source'> {
  return { address, source: { count } as OpenedData['source'] };
}

it.each([
  ['cifar10:a.bin', 100, 'cifar10:a.bin', 100, 100],
  ['cifar10:a.bin', 100, 'cifar10:a.bin[90:]', 10, 10],
  ['cifar10:a.bin[0:60]', 60, 'cifar10:a.bin[50:100]', 50, 10],
  ['cifar10:a.bin[0:50]', 50, 'cifar10:a.bin[50:100]', 50, 0],
  ['cifar10:a.bin[::2]', 50, 'cifar10:a.bin[1::2]', 50, 0],
  ['cifar10:a.bin[0:90:3]', 30, 'cifar10:a.bin[0:90:2]', 45, 15],
  ['cifar10:a.bin', 100, 'cifar10:b.bin', 100, 0],
  ['cifar10:a.bin[-10:]', 10, 'cifar10:a.bin[-10:]', 10, 10],
  ['random:5', 5, 'cifar10:a.bin', 100, 0],
])('%s with %i rows and %s with %i share %i', (a, countA, b, countB, shared) => {
  expect(sharedRows(opened(a, countA), opened(b, countB))).toBe(shared);
});
