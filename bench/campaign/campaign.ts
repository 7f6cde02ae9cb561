import { type CoppiceError, CoppiceError as Foreseen, messageOf } from '../../src/errors/errors.ts';

/** What a case came to. `right`, `refused` (in a sentence) and `runtime` (onnxruntime's own fault) are no faults of ours. */
export interface Verdict {
  readonly kind: 'right' | 'refused' | 'runtime' | Fault;
  /** The reason of a refusal, or what is wrong: alike for cases of one kind. */
  readonly what?: string;
}

/** A result that is not the known one; an error that nobody foresaw; a process that ended; a case that took too long. */
export type Fault = 'wrong' | 'bug' | 'crash' | 'hang';

/** The kinds of {@link Fault}, in the order in which they are told. */
export const FAULTS: readonly Fault[] = ['wrong', 'bug', 'crash', 'hang'];

/** What a case is given besides its number. */
export interface Surroundings {
  /** A folder of the worker's own, for files. */
  readonly scratch: string;
  /** Says that what follows is in the hands of onnxruntime: if the process ends there, that is not ours. */
  readonly entering: (part: 'coppice' | 'runtime') => void;
}

/** Cases without end, each a function of seed and index alone. */
export interface Campaign {
  readonly name: string;
  readonly summary: string;
  /** Seconds that one case may take. */
  readonly limit: number;
  readonly case: (seed: number, index: number, around: Surroundings) => Promise<Verdict>;
}

/** A verdict that the case is as it should be. */
export const RIGHT: Verdict = { kind: 'right' };

/** A fault of the mathematics: a number that is not the known one. */
export function wrong(what: string): Verdict {
  return { kind: 'wrong', what };
}

/** The verdict on something that was thrown: refused in one sentence, or a bug. */
export function verdictOf(thrown: unknown): Verdict {
  if (thrown instanceof Foreseen) return sentence(thrown);
  const frames = (thrown instanceof Error ? (thrown.stack ?? '') : '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
  const where = frames.find((line) => !line.includes('node:') && !line.includes('node_modules'))?.trim() ?? '';
  return {
    kind: 'bug',
    what: `${messageOf(thrown).split('\n')[0]} ${where.replace(/\(?(file:\/\/)?\/.*\/src\//, '(src/')}`,
  };
}

/** Longest refusal that is still one sentence. */
const LONGEST = 20_000;

function sentence(error: CoppiceError): Verdict {
  const { message } = error;
  if (!/^\S/.test(message) || message.length > LONGEST || message.includes('[object ') || /\bundefined\b/.test(message))
    return { kind: 'wrong', what: `no sentence: ${alike(message)}` };
  return { kind: 'refused', what: `${error.code}: ${alike(message)}` };
}

/** A message without the names and numbers that differ between cases of one kind. */
export function alike(message: string): string {
  return message
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/"[^"]*"/g, '""')
    .replace(/\d[\d.,e+-]*/g, '#')
    .slice(0, 240);
}
