import { describe, expect, it } from 'vitest';
import * as errors from './errors.ts';

const { CoppiceError, errorFromJSON, messageOf } = errors;

/** Every class of error that this file exports, the base aside. */
const CLASSES = Object.values(errors).filter(
  (value): value is typeof errors.OptionError => typeof value === 'function' && value.prototype instanceof CoppiceError,
);

describe('errors', () => {
  it('are of eleven kinds, each with a code of its own', () => {
    expect(CLASSES).toHaveLength(11);
    expect(new Set(CLASSES.map((Class) => new Class('x').code)).size).toBe(11);
  });

  it.each(CLASSES)('%o crosses a worker boundary with its class, code, message and fields', (Class) => {
    const error = new Class('Cannot do it', { fields: { node: 'conv1' }, cause: new Error('why') });
    const there = errorFromJSON(structuredClone(error.toJSON()));
    expect(there).toBeInstanceOf(Class);
    expect(there).toMatchObject({
      name: Class.name,
      code: error.code,
      message: 'Cannot do it',
      fields: { node: 'conv1' },
    });
    expect(error.cause).toEqual(new Error('why'));
  });

  it('of a code without a class come back as the base', () => {
    const code = 'of-a-later-version' as errors.ErrorCode;
    const there = errorFromJSON({ name: 'x', code, message: 'something new', fields: {} });
    expect(there).toBeInstanceOf(CoppiceError);
    expect(there.code).toBe(code);
  });

  it('have no cause where none was given', () => {
    expect(new errors.DataError('x')).not.toHaveProperty('cause');
  });

  it('give a message whatever was thrown', () => {
    expect([new Error('a'), 'b', 3, null].map(messageOf)).toEqual(['a', 'b', '3', 'null']);
  });
});
