import type { FormField } from '../../src/methods/form.ts';
import { type Filled, optionsOf } from '../../src/methods/form-values.ts';
import type { Method } from '../../src/methods/list.ts';
import type { DataFacts, MethodFacts, Settings } from './protocol.ts';

/** The settings as they are filled in: those of the method as texts. */
export type Form = { -readonly [Name in Exclude<keyof Settings, 'options'>]: Settings[Name] } & { filled: Filled };

/** Minutes that a method which trains may take where nobody says otherwise: a browser's page is looked at meanwhile. */
const MINUTES = '2';

/** The settings as the form begins, before there is any data. */
export function initialSettings(): Form {
  return {
    method: 'magnitude',
    filled: {},
    sparsity: 0.9,
    scope: 'global',
    pattern: '',
    seed: 1,
    recalibrate: false,
    labels: 'data',
    latency: true,
    compile: true,
  };
}

/** The method that is chosen until the reader chooses one. */
export function usualMethod(data: DataFacts | null): Method {
  return data === null ? 'magnitude' : 'auto';
}

/** What is filled in for a method at first: nothing but the time of one that trains. */
export function initialFilled(fields: readonly FormField[]): Filled {
  return fields.some(({ name }) => name === 'minutes') ? { minutes: MINUTES } : {};
}

/** What the worker is asked for. */
export function settingsOf({ filled, ...form }: Form, method: MethodFacts | undefined): Settings {
  return { ...form, options: optionsOf(method?.fields ?? [], filled) };
}

/** Rows that are left for gradients where a fifth, at most 2000, is held out. */
function rowsToLearnFrom(count: number, split: boolean): number {
  return split ? count - Math.min(2000, Math.floor(count / 5)) : count;
}

/** Bytes that gradient rows take, four a weight and row: as many rows as were asked for, else the method's own or what the data has. */
export function gradientBytes(
  { filled }: Form,
  { fields }: MethodFacts,
  { data, split, prunable }: { data: DataFacts | null; split: boolean; prunable: number },
): number {
  const given = optionsOf(fields, filled);
  const own = (name: 'samples' | 'batch'): number => Number(fields.find((field) => field.name === name)?.default ?? 1);
  const there = data === null ? Number.POSITIVE_INFINITY : rowsToLearnFrom(data.count, split);
  const usual = Math.min(own('samples'), Math.floor(there / (given.batch ?? own('batch'))));
  return 4 * (given.samples ?? usual) * prunable;
}
