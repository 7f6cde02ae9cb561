import { readJournal } from '../../checkpoint/checkpoint.node.ts';
import { DataError, messageOf, ResumeMismatchError } from '../../errors/errors.ts';
import type { Context } from '../context.ts';
import { absolute } from '../outputs.node.ts';

/** The commands that keep states. */
const KEEPING: ReadonlySet<string> = new Set(['prune', 'run', 'finetune', 'sweep']);

/** Goes on with the command whose state lies in a folder, in the working folder that it had. @returns its exit code */
export async function resumeRun(context: Context, given: string): Promise<number> {
  const folder = absolute(given);
  const { command, folder: working } = await readJournal(folder);
  const name = command[1] ?? '';
  if (!KEEPING.has(name))
    throw new ResumeMismatchError(`Cannot go on: the state is of the command "${name}", which keeps none`);
  try {
    process.chdir(working);
  } catch (cause) {
    throw new DataError(`Cannot go on in "${working}", where the run began: ${messageOf(cause)}`, { cause });
  }
  context.tell(`going on with: ${command.join(' ')}`);
  return context.goOn(command, folder);
}
