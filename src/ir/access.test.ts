import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors/errors.ts';
import { float32, int64 } from '../tensor/tensor.ts';
import {
  attributes,
  constantOf,
  feedsOf,
  float,
  floatAttribute,
  intAttribute,
  intsAttribute,
  node,
  stringAttribute,
  tensorOf,
} from './access.ts';
import type { Constant, Graph } from './model.ts';

describe('tensorOf', () => {
  it('views aligned bytes and copies others', () => {
    const { buffer } = Float32Array.of(0, 1, 2);
    const aligned = tensorOf({ type: 'float32', dims: [2], raw: new Uint8Array(buffer, 4, 8) });
    expect(aligned).toEqual(float32([1, 2], [2]));
    expect(aligned.data).toHaveProperty('buffer', buffer);
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(3, 4).buffer), 1);
    expect(tensorOf({ type: 'float32', dims: [2], raw: bytes.subarray(1) })).toEqual(float32([3, 4], [2]));
    expect(tensorOf({ type: 'float32', dims: [2], raw: Buffer.from(bytes.buffer).subarray(1) }).data).toEqual(
      Float32Array.of(3, 4),
    );
  });

  it('reads a scalar, an empty tensor, complex pairs and strings', () => {
    expect(tensorOf(constantOf(int64([7], []))).data).toEqual(BigInt64Array.of(7n));
    expect(tensorOf({ type: 'float32', dims: [0, 2 ** 40], raw: new Uint8Array() }).data).toHaveLength(0);
    expect(tensorOf({ type: 'complex64', dims: [1], raw: new Uint8Array(8) }).data).toHaveLength(2);
    expect(tensorOf({ type: 'string', dims: [1], raw: ['a'] })).toEqual({ type: 'string', dims: [1], data: ['a'] });
  });

  it('refuses bytes that do not fill the shape, and packed types', () => {
    const broken: Constant = { type: 'float32', dims: [3], raw: new Uint8Array(8) };
    expect(() => tensorOf(broken)).toThrow('wanted 12 bytes, got 8');
    expect(() => tensorOf({ type: 'int4', dims: [2], raw: new Uint8Array(1) })).toThrow(ShapeError);
  });
});

describe('attributes', () => {
  const relu = node('Op', ['x'], ['y'], { i: 2, f: float(0.5), is: [1, 2], s: 'text' });

  it('makes the kinds from plain values', () => {
    expect([...attributes({ i: 2, f: float(2), is: [], s: '' }).values()].map(({ kind }) => kind)).toEqual([
      'int',
      'float',
      'ints',
      'string',
    ]);
  });

  it('are read by kind, with a fallback', () => {
    expect([intAttribute(relu, 'i', 0), intAttribute(relu, 'f', 9)]).toEqual([2, 9]);
    expect([floatAttribute(relu, 'f', 0), floatAttribute(relu, 'none', 9)]).toEqual([0.5, 9]);
    expect([stringAttribute(relu, 's', ''), stringAttribute(relu, 'i', 'z')]).toEqual(['text', 'z']);
    expect([intsAttribute(relu, 'is'), intsAttribute(relu, 'none')]).toEqual([[1, 2], undefined]);
  });
});

describe('feedsOf', () => {
  it('leaves out inputs that are initializers too', () => {
    const info = (name: string) => ({ name, type: null, shape: null });
    const constants = new Map([['w', constantOf(float32([1], [1]))]]);
    const graph: Graph = { name: '', nodes: [], inputs: [info('x'), info('w')], outputs: [], valueInfo: [], constants };
    expect(feedsOf(graph).map(({ name }) => name)).toEqual(['x']);
  });
});
