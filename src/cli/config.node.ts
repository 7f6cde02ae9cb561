import { type Command, InvalidArgumentError, type Option } from 'commander';
import { messageOf, OptionError } from '../errors/errors.ts';
import { readText } from '../files/read-text.node.ts';
import { type OutputFlags, PREPROCESS_KEYS } from './flags.ts';
import { nearest } from './parsers.ts';

/** The flags that a config file does not set. */
const NOT_SETTINGS: ReadonlySet<string> = new Set([
  'config',
  'printConfig',
  'help',
  'json',
  'quiet',
  'verbose',
  'events',
  'dryRun',
]);
const AT_TOP = ['data', 'eval'] as const;

/**
 * Sets from a config file the flags that the command line leaves alone.
 *
 *   { "data": ADDRESS, "eval": ADDRESS, "preprocess": { "scale": "1/255" }, "options": { "method": "chita" } }
 *
 * @throws OptionError if the file cannot be read, a key is unknown, or a value is one that its flag refuses
 */
export function applyConfig(command: Command): void {
  const { config: path } = command.opts<OutputFlags>();
  if (path === undefined) return;
  for (const [place, key, value] of entriesOf(readConfig(path), path)) {
    const option = settings(command).find((o) => o.attributeName() === key);
    if (option === undefined || placeOf(key) !== place) throw unknownKey(command, path, { place, key });
    if (command.getOptionValueSource(key) === 'cli') continue;
    command.setOptionValueWithSource(key, settingOf(option, value, path), 'config');
  }
}

/** The settings of a command as a config file: what was given, and defaults; `resolved` fills in what the library chose. */
export function configOf(command: Command, resolved: Readonly<Record<string, unknown>> = {}): object {
  const values: Record<string, unknown> = { ...command.opts(), ...resolved };
  const keys = settings(command)
    .map((option) => option.attributeName())
    .filter((key) => values[key] !== undefined && values[key] !== null);
  const at = (place: string): object =>
    Object.fromEntries(keys.filter((key) => placeOf(key) === place).map((key) => [key, values[key]]));
  return { ...at(''), preprocess: at('preprocess'), options: at('options') };
}

function settings(command: Command): readonly Option[] {
  return command.options.filter((option) => !NOT_SETTINGS.has(option.attributeName()));
}

function placeOf(key: string): string {
  if ((AT_TOP as readonly string[]).includes(key)) return '';
  return (PREPROCESS_KEYS as readonly string[]).includes(key) ? 'preprocess' : 'options';
}

function readConfig(path: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readText(path));
  } catch (cause) {
    throw new OptionError(`Cannot read the config file "${path}": ${messageOf(cause)}`, { cause });
  }
  if (!isRecord(parsed))
    throw new OptionError(
      `Cannot use the config file "${path}": wanted an object { "data", "eval", "preprocess", "options" }`,
    );
  return parsed;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entriesOf(config: Record<string, unknown>, path: string): [place: string, key: string, value: unknown][] {
  return Object.entries(config).flatMap(([key, value]): [string, string, unknown][] => {
    if (key !== 'preprocess' && key !== 'options') return [['', key, value]];
    if (!isRecord(value))
      throw new OptionError(`Cannot use the config file "${path}": wanted an object under "${key}"`);
    return Object.entries(value).map(([inner, setting]) => [key, inner, setting]);
  });
}

function unknownKey(command: Command, path: string, { place, key }: { place: string; key: string }): OptionError {
  const known = settings(command)
    .map((option) => option.attributeName())
    .filter((name) => placeOf(name) === place);
  const near = nearest(key, known);
  const where = place === '' ? '' : ` under "${place}"`;
  return new OptionError(
    `Cannot use the config file "${path}": there is no "${key}"${where} for ${command.name()}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

/** The value as the flag's parser makes it of text; lists are joined by commas. */
function settingOf(option: Option, value: unknown, path: string): unknown {
  const key = option.attributeName();
  const refuse = (why: string): OptionError =>
    new OptionError(`Cannot use the config file "${path}": ${key} is ${JSON.stringify(value)}; ${why}`);
  if (option.isBoolean()) {
    if (typeof value !== 'boolean') throw refuse('wanted true or false');
    return value;
  }
  const plain = Array.isArray(value) ? value.join(',') : value;
  if (typeof plain !== 'string' && typeof plain !== 'number') throw refuse('wanted text or a number');
  try {
    return option.parseArg === undefined
      ? String(plain)
      : (option.parseArg as (text: string, before: unknown) => unknown)(String(plain), undefined);
  } catch (cause) {
    throw cause instanceof InvalidArgumentError ? refuse(cause.message) : cause;
  }
}
