import { CoppiceError, UnfinishedError } from '../../errors/errors.ts';
import type { Context } from '../context.ts';
import { failureOf } from '../exit-codes.ts';

/** What a step failed with, for the steps behind it to be done all the same; null where it did not. */
export async function failureIn(step: () => Promise<unknown>): Promise<{ readonly thrown: unknown } | null> {
  try {
    await step();
    return null;
  } catch (thrown) {
    return { thrown };
  }
}

/** The error of what failed behind a result that is there. @param done  a clause: `The model was written to "x"` */
export function unfinished({ io }: Context, done: string, { thrown }: { readonly thrown: unknown }): UnfinishedError {
  if (thrown instanceof UnfinishedError) return thrown;
  const why = io.signal.aborted
    ? 'what follows was interrupted'
    : `what follows failed: ${failureOf(thrown, NEVER).sentence}`;
  const remedies = thrown instanceof CoppiceError ? thrown.remedies : [];
  return new UnfinishedError(`${done}; ${why}`, { cause: thrown, ...(remedies.length > 0 && { remedies }) });
}

const NEVER = new AbortController().signal;
