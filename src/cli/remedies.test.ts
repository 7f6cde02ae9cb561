import { Command } from 'commander';
import { expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import { failureOf } from './exit-codes.ts';
import { flagsOf, withFlags } from './remedies.ts';

const THERE = flagsOf(
  new Command().option('--method <name>').option('--line-search <n>').option('--output-name <name>'),
);

it('flags follow a message, spelled as the command line has them, with a value where one mends it', () => {
  expect(withFlags('Cannot do it', [{ option: 'output' }, { option: 'method', value: 'magnitude' }], THERE)).toBe(
    'Cannot do it (--output-name, --method magnitude)',
  );
  expect(withFlags('Cannot do it', [{ option: 'lineSearch', value: '0' }], THERE)).toBe(
    'Cannot do it (--line-search 0)',
  );
});

it('flags that a command does not have are not named', () => {
  expect(withFlags('Cannot do it', [{ option: 'memory' }], THERE)).toBe('Cannot do it');
});

it('a failure names the flags that mend it', () => {
  const error = new OptionError('Cannot do it', { remedies: [{ option: 'method' }] });
  expect(failureOf(error, new AbortController().signal, THERE).sentence).toBe('Cannot do it (--method)');
});
