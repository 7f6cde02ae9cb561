import { CoppiceError, type ErrorCode, UnfinishedError } from '../errors/errors.ts';
import { systemSentence } from '../files/reason.ts';
import { type FlagsThere, withFlags } from './remedies.ts';

/** What the program's exit code says; docs/cli.md is the list for users. */
export const EXIT = {
  ok: 0,
  gateMissed: 1,
  usage: 2,
  model: 3,
  infeasible: 4,
  data: 5,
  resumeMismatch: 6,
  provider: 7,
  unfinished: 8,
  bug: 70,
  interrupted: 130,
} as const;

const BY_ERROR: Readonly<Record<ErrorCode, number>> = {
  option: EXIT.usage,
  output: EXIT.usage,
  'onnx-decode': EXIT.model,
  'unsupported-op': EXIT.model,
  shape: EXIT.model,
  engine: EXIT.model,
  provider: EXIT.provider,
  unfinished: EXIT.unfinished,
  infeasible: EXIT.infeasible,
  data: EXIT.data,
  'resume-mismatch': EXIT.resumeMismatch,
};

/** How a failure is told: its exit code and one sentence. */
export interface Failure {
  readonly code: number;
  readonly sentence: string;
}

/** Turns anything that was thrown into a {@link Failure}, with the flags that mend it; what nobody foresaw is our bug. */
export function failureOf(thrown: unknown, signal: AbortSignal, flags: FlagsThere = new Set()): Failure {
  if (signal.aborted && thrown instanceof UnfinishedError)
    return { code: EXIT.interrupted, sentence: oneLine(thrown.message) };
  if (signal.aborted) return { code: EXIT.interrupted, sentence: 'interrupted; nothing was left half-written' };
  if (thrown instanceof CoppiceError) {
    const sentence = withFlags(oneLine(thrown.message), thrown.remedies, flags);
    return { code: BY_ERROR[thrown.code], sentence };
  }
  const message = oneLine(thrown instanceof Error ? thrown.message : String(thrown));
  if (isOutOfMemory(thrown)) {
    return { code: EXIT.usage, sentence: `not enough memory (${message}); lower --samples, or name fewer --layers` };
  }
  const sentence = systemSentence(thrown);
  if (sentence !== null) return { code: EXIT.usage, sentence: oneLine(sentence) };
  return { code: EXIT.bug, sentence: `this is a bug in Coppice, please report it (-v shows where): ${message}` };
}

function isOutOfMemory(thrown: unknown): boolean {
  return thrown instanceof RangeError && /allocation|array length|array buffer/i.test(thrown.message);
}

/** Names in files may be as long as the files. */
const LONGEST = 4000;

/** Messages quote names from files: no control characters, no second line, an end. */
function oneLine(message: string): string {
  const text = message
    .slice(0, LONGEST)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return message.length > LONGEST ? `${text} ... (${message.length - LONGEST} more characters)` : text;
}
