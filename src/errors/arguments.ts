import { OptionError } from './errors.ts';
import { didYouMean, nearest } from './nearest.ts';

/** What a value has to be: null where it is, else what was wanted, to be read after "wanted". */
export type Check = (value: unknown) => string | null;

/** Checks of options by their names. */
export type Checks = Readonly<Record<string, Check>>;

const check =
  (says: string, holds: (value: unknown) => boolean): Check =>
  (value) =>
    holds(value) ? null : says;
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);

/** Any value: what it may be is checked elsewhere. */
export const anything: Check = () => null;
/** Null. */
export const nothing: Check = check('null', (x) => x === null);
/** A whole number from 1 on. */
export const count: Check = check('a whole number above 0', (x) => Number.isInteger(x) && (x as number) >= 1);
/** A whole number from 0 on. */
export const countOrNone: Check = check('a whole number from 0 on', (x) => Number.isInteger(x) && (x as number) >= 0);
/** A number. */
export const number: Check = check('a number', isNumber);
/** A finite number above 0. */
export const positive: Check = check('a number above 0', (x) => isNumber(x) && x > 0 && Number.isFinite(x));
/** A number from 0 up to but without 1. */
export const share: Check = check('a share from 0 up to but without 1', (x) => isNumber(x) && x >= 0 && x < 1);
/** True or false. */
export const flag: Check = check('true or false', (x) => typeof x === 'boolean');
/** A text. */
export const text: Check = check('a text', (x) => typeof x === 'string');
/** A function. */
export const callback: Check = check('a function', (x) => typeof x === 'function');
/** Something with properties, no list. */
export const record: Check = check(
  'an object of options',
  (x) => typeof x === 'object' && x !== null && !Array.isArray(x),
);
/** The signal of an AbortController, of whatever realm. */
export const signal: Check = check(
  'the signal of an AbortController',
  (x) => typeof x === 'object' && x !== null && 'aborted' in x && 'addEventListener' in x,
);

/** One of some names. */
export function oneOf(names: readonly string[]): Check {
  return (value) => {
    if (typeof value === 'string' && names.includes(value)) return null;
    const near = typeof value === 'string' ? nearest(value, names) : null;
    return `one of ${names.map((name) => `"${name}"`).join(', ')}${near === null ? '' : ` (did you mean "${near}"?)`}`;
  };
}

/** A list each of whose members passes. */
export function listOf(each: Check, what: string): Check {
  return check(`a list of ${what}`, (x) => Array.isArray(x) && x.every((member) => each(member) === null));
}

/** An object of such members; those that are named have to be there. */
export function objectOf(says: string, members: Checks, ...needed: readonly string[]): Check {
  return check(says, (x) => {
    if (record(x) !== null || !needed.every((name) => name in (x as object))) return false;
    return Object.entries(x as object).every(
      ([name, value]) => Object.hasOwn(members, name) && members[name]?.(value) === null,
    );
  });
}

/** An object that has some functions, of whatever class. */
export function having(says: string, ...names: readonly string[]): Check {
  return check(says, (x) => typeof x === 'object' && x !== null && names.every((name) => name in x));
}

/** Passes where one of the checks does; what is wanted is what the first says. */
export function either(first: Check, ...others: readonly Check[]): Check {
  return (value) => {
    const says = [first, ...others].map((one) => one(value));
    return says.includes(null) ? null : says.join(', or ');
  };
}

/**
 * Refuses options that are not known or not of their kind, before anything is done with them. What is undefined counts as left out.
 *
 * @param what   what is being done: "prune"
 * @throws OptionError  naming the option, what was wanted, what came, and the nearest right name
 */
export function checkOptions(what: string, given: unknown, checks: Checks): void {
  if (record(given) !== null)
    throw new OptionError(`Cannot ${what}: wanted an object of options, got ${shown(given)}`, { fields: { what } });
  for (const [name, value] of Object.entries(given as object)) {
    const known = Object.hasOwn(checks, name) ? (checks[name] as Check) : undefined;
    if (known === undefined)
      throw new OptionError(
        `Cannot ${what} with "${name}": there is no option of that name${didYouMean(name, Object.keys(checks)) || `; there are ${Object.keys(checks).join(', ')}`}`,
        { fields: { option: name } },
      );
    const says = value === undefined ? null : known(value);
    if (says !== null)
      throw new OptionError(`Cannot ${what}: "${name}" has to be ${says}; got ${shown(value)}`, {
        fields: { option: name },
      });
  }
}

/** A value in few words. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value.length > 60 ? `${value.slice(0, 60)}...` : value}"`;
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== 'object' || value === null) return String(value);
  const kind = value.constructor?.name ?? 'Object';
  const keys = Object.keys(value).slice(0, 6).join(', ');
  return kind === 'Object' ? `an object { ${keys} }` : `a ${kind}`;
}
