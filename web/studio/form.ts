import type { RunRequest } from '../../src/cli/studio/schema.ts';
import type { FormField } from '../../src/methods/form.ts';
import { type Filled, optionsOf } from '../../src/methods/form-values.ts';
import type { MethodChoice } from './server.ts';

/** The form as it is filled in: texts as they are typed. */
export const EMPTY_FORM = {
  name: '',
  model: '',
  data: '',
  eval: '',
  scale: '',
  mean: '',
  std: '',
  method: 'auto',
  kind: 'sparsity' as 'sparsity' | 'flops',
  budget: 0.8,
  pattern: '',
  options: {} as Filled,
  epochs: '',
  recalibrate: false,
  gradual: false,
  latency: false,
  compile: false,
  isSweep: false,
  methods: ['auto', 'magnitude'],
  from: 0.5,
  to: 0.9,
  step: 0.1,
};

/** See {@link EMPTY_FORM}. */
export type Form = typeof EMPTY_FORM;

function emptyForm(): Form {
  return { ...EMPTY_FORM, options: {} };
}

/** The options that are asked for: of the method, or of every method of a sweep. */
export function fieldsOf({ isSweep, method, methods }: Form, choices: readonly MethodChoice[]): FormField[] {
  const chosen = choices.filter(({ name }) => (isSweep ? methods.includes(name) : name === method));
  const all = chosen.flatMap(({ fields }) => fields);
  const byName = new Map<string, FormField[]>();
  for (const field of all) byName.set(field.name, [...(byName.get(field.name) ?? []), field]);
  const merged = [...byName.values()].map((same): FormField => {
    const meanings = new Set(same.map(({ description }) => description));
    return { ...(same[0] as FormField), description: [...meanings].join('; ') };
  });
  return merged.sort((a, b) => Number(b.isCommon) - Number(a.isCommon));
}

/** Kept over a reload, for this visit alone. */
const KEPT = 'coppice-form-2';

/** The form as it was left; empty where there is none, or one of another version. */
export function keptForm(): Form {
  try {
    return { ...emptyForm(), ...(JSON.parse(sessionStorage.getItem(KEPT) ?? '{}') as Partial<Form>) };
  } catch {
    return emptyForm();
  }
}

/** Keeps the form for a reload. */
export function keepForm(form: Form): void {
  sessionStorage.setItem(KEPT, JSON.stringify(form));
}

/** How data is read: what was filled in. */
export function preprocessOf({ scale, mean, std }: Form): RunRequest['preprocess'] {
  return Object.fromEntries(Object.entries({ scale, mean, std }).filter(([, value]) => value.trim() !== ''));
}

/** The budgets of a sweep: in even steps from the first to the last, both in it. */
export function budgetsOf({ from, to, step }: Pick<Form, 'from' | 'to' | 'step'>): number[] {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const count = Math.floor((high - low) / step + 1e-6);
  return Array.from({ length: count + 1 }, (_, i) => Number((low + i * step).toFixed(4)));
}

/** What the studio is asked to run. @param choices  the methods with their fields */
export function requestOf(form: Form, choices: readonly MethodChoice[]): RunRequest {
  const whole = (text: string): number | undefined => (text.trim() === '' ? undefined : Number(text));
  const given = (key: 'name' | 'data' | 'eval' | 'pattern') =>
    form[key].trim() === '' ? {} : { [key]: form[key].trim() };
  const trains = choices.some(({ name, trains: does }) => name === form.method && does);
  const isGradual = form.gradual && !form.isSweep && !trains;
  return {
    ...given('name'),
    model: form.model.trim(),
    ...given('data'),
    ...given('eval'),
    preprocess: preprocessOf(form),
    method: form.method as RunRequest['method'],
    ...(form.isSweep
      ? { sweep: { methods: form.methods as RunRequest['method'][], kind: form.kind, budgets: budgetsOf(form) } }
      : { [form.kind]: form.budget }),
    ...given('pattern'),
    options: optionsOf(fieldsOf(form, choices), form.options) as RunRequest['options'],
    ...(isGradual && { gradual: true }),
    ...(isGradual && form.epochs && { epochs: whole(form.epochs) }),
    recalibrate: form.recalibrate,
    latency: form.latency,
    compile: form.compile,
  };
}
