import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { expect, it } from 'vitest';
import { COMMANDS, type CommandName } from '../src/cli/commands.ts';
import { EXIT } from '../src/cli/exit-codes.ts';

const text = readFileSync('docs/cli.md', 'utf8');

it.each(Object.keys(COMMANDS) as CommandName[])('docs/cli.md names every flag of %s', async (name) => {
  const command = new Command(name);
  (await COMMANDS[name].load()).define(command);
  const missing = command.options.map(({ long }) => long ?? '').filter((flag) => !text.includes(flag));
  expect(missing).toEqual([]);
});

it('docs/cli.md lists every exit code', () => {
  const listed = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT));
});
