import { readJournal } from '../../checkpoint/checkpoint.node.ts';
import { DataError, messageOf } from '../../errors/errors.ts';
import type { Context } from '../context.ts';
import { absolute } from '../outputs.node.ts';

/** Goes on with the command whose state lies in a folder, in the working folder that it had. @returns its exit code */
export async function resumeRun(context: Context, given: string): Promise<number> {
  const folder = absolute(given);
  const { command, folder: working } = await readJournal(folder);
  try {
    process.chdir(working);
  } catch (cause) {
    throw new DataError(`Cannot go on in "${working}", where the run began: ${messageOf(cause)}`, { cause });
  }
  context.tell(`going on with: ${command.join(' ')}`);
  return context.goOn(command, folder);
}
