import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandModule, type CommandName } from './commands.ts';
import { openContext } from './context.ts';
import { EXIT, failureOf } from './exit-codes.ts';
import type { Io } from './io.ts';
import { type FlagsThere, flagsOf } from './remedies.ts';

/** Flags that every command has. */
interface CommonFlags {
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly events?: 'ndjson';
}

/**
 * Runs the command line.
 *
 * @param argv     arguments without node and script
 * @param resumed  folder of the unfinished run that it goes on with
 * @returns the exit code; nothing is thrown
 */
export async function run(
  argv: readonly string[],
  io: Io,
  version: string,
  resumed: string | null = null,
): Promise<number> {
  const loud = argv.includes('-v') || argv.includes('--verbose');
  const name = argv[0] === 'help' ? argv[1] : argv[0];
  const chosen = name !== undefined && Object.hasOwn(COMMANDS, name) ? (name as CommandName) : undefined;
  let code: number = EXIT.ok;
  let flags: FlagsThere = new Set();
  const started = performance.now();
  try {
    const module = chosen === undefined ? undefined : await COMMANDS[chosen].load();
    const program = declare(io, version, {
      chosen,
      module,
      argv,
      resumed,
      done: (result) => {
        code = result;
      },
    });
    flags = flagsOf(program.commands.find((command) => command.name() === chosen) ?? program);
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const failure = failureOf(thrown, io.signal, flags);
    if (argv.some((word) => word.startsWith('--events'))) {
      const at = Math.round(performance.now() - started) / 1000;
      io.err(`${JSON.stringify({ type: 'failure', at, message: failure.sentence })}\n`);
      io.err(`${JSON.stringify({ type: 'end', at, code: failure.code })}\n`);
      return failure.code;
    }
    io.err(`coppice: ${failure.sentence}\n`);
    if (loud && thrown instanceof Error) io.err(`${thrown.stack ?? ''}\n`);
    return failure.code;
  }
}

interface Chosen {
  readonly chosen: CommandName | undefined;
  readonly module: CommandModule | undefined;
  readonly argv: readonly string[];
  readonly resumed: string | null;
  readonly done: (code: number) => void;
}

/** All commands by name and summary; only the chosen one with its flags, since those read heavy tables. */
function declare(io: Io, version: string, { chosen, module, argv, resumed, done }: Chosen): Command {
  const program = new Command('coppice')
    .description(
      'Prunes trained neural networks: an ONNX model and data in, a sparser ONNX model and an honest report out.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError(false)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(usageError(text)) });
  const continuation = {
    resumed,
    goOn: (command: readonly string[], folder: string) => run(command.slice(1), io, version, folder),
  };
  for (const [name, { argument, what = 'ONNX file', summary }] of Object.entries(COMMANDS)) {
    const command = program.command(name);
    for (const one of argument.split(' ')) command.argument(one, what);
    command.summary(summary).description(summary).helpOption('-h, --help', 'print help');
    if (name !== chosen || module === undefined) continue;
    module.define(command);
    command.action(async (...given: unknown[]) => {
      const models = given.slice(0, -2).flat() as string[]; // the last two are the flags and the command
      const flags = command.opts<CommonFlags>();
      const context = openContext(io, ['coppice', ...argv], flags, continuation, flagsOf(command));
      const code = await module.act(context, models, command);
      context.emit({ type: 'end', code });
      done(code);
    });
  }
  return program;
}

/** Commander's message as one line of ours. */
function usageError(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .replace(/\n\(Did you mean (.*)\?\)/, '; did you mean $1?')
    .trim();
  return `coppice: ${line.replace(/\s*\n\s*/g, ' ')}\n`;
}
