import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { decodeArrays, encodeArrays } from './array-file.ts';

const arrays = new Map<string, Float32Array | Float64Array>([
  ['value/w', Float32Array.of(1.5, -0, Number.NaN)],
  ['running/Größe', Float64Array.of(Math.PI, 1e-300)],
  ['empty', new Float32Array(0)],
]);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe('encodeArrays', () => {
  it('gives back every array to the bit', () => {
    const bytes = joined(encodeArrays(arrays));
    expect(new Map([...decodeArrays(bytes)].sort())).toEqual(new Map([...arrays].sort()));
    expect(decodeArrays(Buffer.from(bytes))).toEqual(decodeArrays(bytes));
    expect(Object.is(decodeArrays(bytes).get('value/w')?.[1], -0)).toBe(true);
  });

  it('follows the safetensors layout', () => {
    const bytes = joined(encodeArrays(arrays));
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header['running/Größe']).toEqual({ dtype: 'F64', shape: [2], data_offsets: [0, 16] });
    expect(header['value/w']).toEqual({ dtype: 'F32', shape: [3], data_offsets: [16, 28] });
    expect(bytes.length).toBe(8 + length + 28);
  });

  it('refuses what is cut off or makes no sense', () => {
    const bytes = joined(encodeArrays(arrays));
    for (const end of [0, 7, 20, bytes.length - 1])
      expect(() => decodeArrays(bytes.subarray(0, end))).toThrow(DataError);
    const odd = new TextEncoder().encode(
      `${'\x30'.padEnd(8, '\0')}${JSON.stringify({ a: { dtype: 'I8', data_offsets: [0, 1] } }).padEnd(48)}`,
    );
    expect(() => decodeArrays(odd)).toThrow(/entry "a" makes no sense/);
  });
});
