import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { idxBytes } from './bytes.cases.ts';
import { parseIdx } from './idx.ts';

describe('parseIdx', () => {
  it('reads bytes in their shape', () => {
    expect(parseIdx(idxBytes(8, [2, 1, 2], [1, 2, 3, 255]), 'a')).toEqual({
      type: 'uint8',
      dims: [2, 1, 2],
      data: Uint8Array.of(1, 2, 3, 255),
    });
  });

  it('reads big-endian numbers of several bytes', () => {
    expect(parseIdx(idxBytes(11, [2], [0x01, 0x02, 0xff, 0xfe]), 'a').data).toEqual(Int16Array.of(258, -2));
    expect(parseIdx(idxBytes(13, [1], [0x3f, 0xc0, 0, 0]), 'a').data).toEqual(Float32Array.of(1.5));
  });

  it('reads numbers of eight bytes that lie anywhere in a buffer of Node, and leaves it as it is', () => {
    const file = idxBytes(14, [1, 2], [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0]);
    for (const offset of [0, 1, 4]) {
      const buffer = Buffer.concat([Buffer.alloc(offset), file]).subarray(offset);
      const before = Uint8Array.from(buffer);
      expect(parseIdx(buffer, 'a').data).toEqual(Float64Array.of(1.5, -2));
      expect(Uint8Array.from(buffer)).toEqual(before);
    }
  });

  it.each([
    ['an HTML page', new TextEncoder().encode('<!DOCTYPE html><html>'), /HTML page/],
    ['a git-lfs pointer', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1'), /git-lfs pointer/],
    ['a gzip file', Uint8Array.of(0x1f, 0x8b, 8, 0), /gzip/],
    ['an empty file', new Uint8Array(0), /empty/],
    ['an unknown type', idxBytes(7, [1], [0]), /as IDX/],
    ['a rank without its dimensions', Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1), /as IDX/],
    ['a cut file', idxBytes(8, [2, 2], [1, 2, 3]), /wants 4 bytes.*has 3.*cut off/],
    ['an absurd shape', idxBytes(8, [0xffffffff, 0xffffffff], [1]), /cut off/],
    ['trailing bytes', idxBytes(8, [2], [1, 2, 3]), /followed by 1 bytes/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseIdx(bytes, 'a')).toThrow(message);
  });

  it('ends in an array or a DataError whichever bytes are changed', () => {
    const good = idxBytes(8, [2, 2], [1, 2, 3, 4]);
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, end) => {
        const bytes = good.slice(0, end);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const { dims, data } = parseIdx(bytes, 'a');
          expect(data).toHaveLength(dims.reduce((product, d) => product * d, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
