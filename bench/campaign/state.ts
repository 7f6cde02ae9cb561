import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FAULTS, type Verdict } from './campaign.ts';

/** What is known of a campaign's cases so far. */
export interface Kept {
  readonly name: string;
  readonly seed: number;
  /** The first case that was not finished. */
  next: number;
  minutes: number;
  /** Cases by kind of verdict. */
  readonly counts: Record<string, number>;
  /** Refusals by reason, and what right cases say of themselves. */
  readonly reasons: Record<string, number>;
  /** Faults by what is wrong: how many, and the first cases of each. */
  readonly faults: Record<string, { times: number; readonly cases: number[] }>;
}

/** Reasons, faults and cases of a fault that are told apart. */
const MOST = { reasons: 2000, faults: 2000, cases: 5 };

function fileOf(root: string, { name, seed }: { readonly name: string; readonly seed: number }): string {
  return join(root, 'out', 'campaign-state', `${name}-${seed}.json`);
}

/** The state that an earlier run left, or that of none. */
export function kept(root: string, of: { readonly name: string; readonly seed: number }): Kept {
  const file = fileOf(root, of);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Kept;
  return { ...of, next: 0, minutes: 0, counts: {}, reasons: {}, faults: {} };
}

/** Keeps the state, whole or not at all. */
export function keep(root: string, state: Kept): void {
  const file = fileOf(root, state);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 1));
  renameSync(`${file}.new`, file);
}

/** Adds a verdict to the counts. */
export function tally(state: Kept, index: number, { kind, what = '' }: Verdict): void {
  state.counts[kind] = (state.counts[kind] ?? 0) + 1;
  if (
    (kind === 'refused' || kind === 'right') &&
    what !== '' &&
    (what in state.reasons || Object.keys(state.reasons).length < MOST.reasons)
  )
    state.reasons[what] = (state.reasons[what] ?? 0) + 1;
  if (!FAULTS.some((fault) => fault === kind)) return;
  const key = `${kind}: ${what}`;
  if (!(key in state.faults) && Object.keys(state.faults).length >= MOST.faults) return;
  state.faults[key] ??= { times: 0, cases: [] };
  const fault = state.faults[key];
  fault.times++;
  if (fault.cases.length < MOST.cases) fault.cases.push(index);
}
