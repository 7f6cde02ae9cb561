import fc from 'fast-check';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { npyBytes } from './bytes.cases.ts';
import { parseNpz } from './npz.ts';
import { listZip } from './zip.ts';

// numpy 2.4: np.savez_compressed(b, x=np.arange(6, dtype='<f4').reshape(3, 2), y=np.array([0, 2, 1])); zip64 fields
const FROM_NUMPY = Uint8Array.from(
  atob(
    'UEsDBC0AAAAIAAAAIQDMypy9//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKu' +
      'o6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhAObzVU3/////' +
      '/////wUAFAB5Lm5weQEAEACYAAAAAAAAAEwAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4F' +
      'ihdnJBakAvkaxjqaOgq1ChQALgYoYILSjFAaAFBLAQItAy0AAAAIAAAAIQDMypy9VQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBL' +
      'AQItAy0AAAAIAAAAIQDm81VNTAAAAJgAAAAFAAAAAAAAAAAAAACAAYwAAAB5Lm5weVBLBQYAAAAAAgACAGYAAAAPAQAAAAA=',
  ),
  (c) => c.charCodeAt(0),
);

const X = npyBytes('<f4', [2], Float32Array.of(1, 2));

describe('parseNpz', () => {
  it('reads what numpy wrote', () => {
    const { arrays, names } = parseNpz(FROM_NUMPY, 'a', ['x', 'y']);
    expect(names).toEqual(['x', 'y']);
    expect(arrays.get('x')).toEqual({ type: 'float32', dims: [3, 2], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    expect(arrays.get('y')).toEqual({ type: 'int64', dims: [3], data: Float64Array.of(0, 2, 1) });
  });

  it.each([0, 6] as const)('reads archives of compression level %d, whatever follows the directory', (level) => {
    const zip = zipSync({ 'x.npy': X, 'z.npy': new Uint8Array(3) }, { level, comment: 'c' } as object);
    expect(parseNpz(zip, 'a', ['x']).arrays.get('x')?.data).toEqual(Float32Array.of(1, 2));
  });

  it('does not unpack what is not wanted', () => {
    const zip = zipSync({ 'x.npy': X, 'objects.npy': Uint8Array.of(1, 2, 3) });
    expect(parseNpz(zip, 'a', ['x']).names).toEqual(['x', 'objects']);
  });

  it('refuses a flipped byte in stored elements', () => {
    const zip = zipSync({ 'x.npy': X }, { level: 0 });
    const at = zip.length - 22 - 51 - 4; // within the last elements, before directory record and end record
    zip[at] = (zip[at] as number) ^ 1;
    expect(() => parseNpz(zip, 'a', ['x'])).toThrow(/damaged \(its checksum is wrong\)/);
  });

  it('refuses an archive cut at any byte', () => {
    for (let end = 0; end < FROM_NUMPY.length; end++) {
      expect(() => parseNpz(FROM_NUMPY.subarray(0, end), 'a', ['x', 'y']), `cut at ${end}`).toThrow(DataError);
    }
  });

  it('ends in arrays or a DataError whichever bytes are changed', () => {
    const position = fc.nat(FROM_NUMPY.length - 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(position, fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = FROM_NUMPY.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          parseNpz(bytes, 'a', ['x', 'y']);
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe('listZip', () => {
  it('says what a file is that is no archive', () => {
    expect(() => listZip(new TextEncoder().encode('<html>not here</html> and a little more'), 'a')).toThrow(
      /HTML page/,
    );
    expect(() => listZip(new Uint8Array(0), 'a')).toThrow(/empty/);
  });

  it('refuses an encrypted file and an unknown method', () => {
    const zip = zipSync({ x: X }, { level: 0 });
    const directory = zip.length - 22 - 47;
    const encrypted = zip.slice();
    encrypted[directory + 8] = 1;
    expect(() => listZip(encrypted, 'a')[0]?.read()).toThrow(/encrypted/);
    const lzma = zip.slice();
    lzma[directory + 10] = 14;
    expect(() => listZip(lzma, 'a')[0]?.read()).toThrow(/current zip method is 14/);
  });
});
