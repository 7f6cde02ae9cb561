import type { Command } from 'commander';
import type { Remedy, RemedyOption } from '../errors/errors.ts';

/** The flags that a command has: `--samples`. */
export type FlagsThere = ReadonlySet<string>;

/** Options whose flags are not spelled as they are. */
const FLAGS: { readonly [Name in RemedyOption]?: readonly string[] } = {
  output: ['--output-name'],
  bounds: ['--layer'],
  augment: ['--augment-crop', '--augment-flip'],
};

/** The flag of an option: `--first-order`. */
export function flagOfName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The flags of a command. */
export function flagsOf({ options }: Command): FlagsThere {
  return new Set(options.flatMap(({ long }) => long ?? []));
}

/** A message with the flags that mend what it says, those that the command has: `... take fewer rows (--samples)`. */
export function withFlags(message: string, remedies: readonly Remedy[] = [], there: FlagsThere): string {
  const flags = remedies.flatMap(({ option, value }) =>
    (FLAGS[option] ?? [flagOfName(option)])
      .filter((flag) => there.has(flag))
      .map((flag) => (value === undefined ? flag : `${flag} ${value}`)),
  );
  return flags.length === 0 ? message : `${message} (${flags.join(', ')})`;
}
