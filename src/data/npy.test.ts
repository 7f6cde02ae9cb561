import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { npyBytes, npyWithHeader } from './bytes.cases.ts';
import { parseNpy } from './npy.ts';

const decode = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// numpy 2.4: np.save(b, np.asfortranarray(np.arange(6, dtype='>i2').reshape(2, 3)))
const FORTRAN_BIG_ENDIAN = decode(
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPmkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAg' +
    'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAADAAEABAACAAU=',
);

// numpy 2.4: np.save(b, np.array([{'a': 1}], dtype=object)), cut after the header
const OBJECTS = decode(
  'k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAg' +
    'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJWS',
);

describe('parseNpy', () => {
  it.each([
    ['<f4', Float32Array.of(1.5, -2)],
    ['<f8', Float64Array.of(1.1, -2)],
    ['|i1', Int8Array.of(-1, 2)],
    ['<i2', Int16Array.of(-300, 2)],
    ['<i4', Int32Array.of(-70000, 2)],
    ['|u1', Uint8Array.of(1, 255)],
    ['<u2', Uint16Array.of(1, 65535)],
    ['<u4', Uint32Array.of(1, 2 ** 32 - 1)],
    ['|b1', Uint8Array.of(0, 1)],
  ])('reads %s', (descr, data) => {
    expect(parseNpy(npyBytes(descr, [2], data), 'a')).toMatchObject({ dims: [2], data });
  });

  it('reads 64-bit integers as float64 and halves as float32', () => {
    expect(parseNpy(npyBytes('<i8', [2], BigInt64Array.of(-5n, 2n ** 40n)), 'a').data).toEqual(
      Float64Array.of(-5, 2 ** 40),
    );
    expect(parseNpy(npyBytes('<u8', [1], BigUint64Array.of(7n)), 'a').data).toEqual(Float64Array.of(7));
    expect(parseNpy(npyBytes('<f2', [2], Uint16Array.of(0x3e00, 0xc000)), 'a').data).toEqual(Float32Array.of(1.5, -2));
  });

  it('reads what numpy wrote in column-major order, big-endian', () => {
    expect(parseNpy(FORTRAN_BIG_ENDIAN, 'a')).toEqual({
      type: 'int16',
      dims: [2, 3],
      data: Int16Array.of(0, 1, 2, 3, 4, 5),
    });
  });

  it.each([1, 2, 3])('reads format version %d', (version) => {
    const dict = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    expect(parseNpy(npyWithHeader(dict, Uint8Array.of(1, 2, 3), version), 'a').dims).toEqual([3]);
  });

  it('reads an array of rank 0 and one without elements', () => {
    expect(parseNpy(npyBytes('|u1', [], Uint8Array.of(9)), 'a').dims).toEqual([]);
    expect(parseNpy(npyBytes('|u1', [0, 4], new Uint8Array(0)), 'a').data).toHaveLength(0);
  });

  const header = (dict: string) => npyWithHeader(dict, new Uint8Array(8));
  it.each([
    ['pickled objects', OBJECTS, /Python objects \(a pickle\).*never read/],
    ['complex numbers', header("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}"), /current type is "<c8"/],
    ['text', header("{'descr': '<U2', 'fortran_order': False, 'shape': (1,)}"), /current type is "<U2"/],
    ['named fields', header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), /structured array/],
    ['a damaged header', header("{'descr': '<f4', 'shape': (1,)}"), /header is damaged/],
    ['a negative dimension', header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), /header is damaged/],
    ['version 9', npyWithHeader('', new Uint8Array(0), 9), /current version is 9/],
    ['a cut header', npyBytes('|u1', [1], Uint8Array.of(1)).subarray(0, 30), /cut off inside its header/],
    ['cut elements', npyBytes('<f4', [4], new Float32Array(3)), /wants 16 bytes.*has 12/],
    ['an absurd shape', npyBytes('<f8', [2 ** 40, 2 ** 40], new Float64Array(1)), /cut off/],
    ['integers beyond 2^53', npyBytes('<i8', [1], BigInt64Array.of(2n ** 60n)), /within 2\^53/],
    ['another file', new TextEncoder().encode('PK\u0003\u0004 and so on'), /it is a zip file/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseNpy(bytes, 'a')).toThrow(message);
  });

  it('ends in an array or a DataError whichever bytes are changed', () => {
    const good = npyBytes('<i2', [2, 2], Int16Array.of(1, 2, 3, 4));
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(good.length), (changes, end) => {
        const bytes = good.slice(0, end);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const { dims, data } = parseNpy(bytes, 'a');
          expect(data).toHaveLength(dims.reduce((product, d) => product * d, 1));
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
