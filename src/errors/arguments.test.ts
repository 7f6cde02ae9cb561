import { describe, expect, it } from 'vitest';
import { checkOptions, count, either, listOf, oneOf, text } from './arguments.ts';
import { OptionError } from './errors.ts';
import { nearest } from './nearest.ts';

describe('the nearest name', () => {
  it.each([
    ['sample', 'samples'],
    ['stepz', 'steps'],
    ['Lambda', 'lambda'],
    ['line-search', 'lineSearch'],
    ['lamdba', 'lambda'],
    ['eval', 'evaluation'],
  ])('of %s is %s', (wrong, right) => {
    expect(nearest(wrong, ['samples', 'steps', 'lambda', 'lineSearch', 'evaluation'])).toBe(right);
  });

  it('is none where nothing is near', () => {
    expect(nearest('colour', ['samples', 'steps'])).toBeNull();
    expect(nearest('x', [])).toBeNull();
  });
});

describe('options', () => {
  const checks = { samples: count, method: oneOf(['chita', 'magnitude']), layers: listOf(text, 'names') };

  it('pass where they are known and of their kind, or left out', () => {
    checkOptions('prune', { samples: 3, method: undefined, layers: ['a'] }, checks);
  });

  it.each([
    [{ sample: 3 }, 'Cannot prune with "sample": there is no option of that name; did you mean "samples"?'],
    [{ colour: 1 }, 'Cannot prune with "colour": there is no option of that name; there are samples, method, layers'],
    [{ samples: 0 }, 'Cannot prune: "samples" has to be a whole number above 0; got 0'],
    [{ samples: '3' }, 'Cannot prune: "samples" has to be a whole number above 0; got "3"'],
    [{ layers: 'conv*' }, 'Cannot prune: "layers" has to be a list of names; got "conv*"'],
    [
      { method: 'chitta' },
      'Cannot prune: "method" has to be one of "chita", "magnitude" (did you mean "chita"?); got "chitta"',
    ],
    [[], 'Cannot prune: wanted an object of options, got a list of 0'],
    [null, 'Cannot prune: wanted an object of options, got null'],
  ])('%j are refused in one sentence', (given, sentence) => {
    const attempt = () => checkOptions('prune', given, checks);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(sentence);
  });

  it('of two kinds pass by either', () => {
    const both = either(count, text);
    expect([both(1), both('a'), both(0)]).toEqual([null, null, 'a whole number above 0, or a text']);
  });
});
