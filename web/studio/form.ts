import type { RunRequest } from '../../src/cli/studio/schema.ts';

/** The form as it is filled in: texts as they are typed. */
export const EMPTY_FORM = {
  name: '',
  model: '',
  data: '',
  eval: '',
  scale: '',
  mean: '',
  std: '',
  method: 'chita',
  kind: 'sparsity' as 'sparsity' | 'flops',
  budget: 0.8,
  samples: '',
  stages: '',
  epochs: '',
  minutes: '',
  recalibrate: false,
  gradual: false,
  latency: false,
  isSweep: false,
  methods: ['magnitude', 'chita'],
  from: 0.5,
  to: 0.9,
  step: 0.1,
};

/** See {@link EMPTY_FORM}. */
export type Form = typeof EMPTY_FORM;

/** Kept over a reload, for this visit alone. */
const KEPT = 'coppice-form';

/** The form as it was left; empty where there is none, or one of another version. */
export function keptForm(): Form {
  try {
    return { ...EMPTY_FORM, ...(JSON.parse(sessionStorage.getItem(KEPT) ?? '{}') as Partial<Form>) };
  } catch {
    return { ...EMPTY_FORM };
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

/** What the studio is asked to run. @param training  whether the form's method trains by itself */
export function requestOf(form: Form, training: boolean): RunRequest {
  const whole = (text: string): number | undefined => (text.trim() === '' ? undefined : Number(text));
  const given = (key: 'name' | 'data' | 'eval') => (form[key].trim() === '' ? {} : { [key]: form[key].trim() });
  const trains = training && !form.isSweep;
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
    ...(form.samples && !trains && { samples: whole(form.samples) }),
    ...(form.stages && { stages: whole(form.stages) }),
    ...(trains && form.minutes && { minutes: whole(form.minutes) }),
    ...(isGradual && { gradual: true }),
    ...(isGradual && form.epochs && { epochs: whole(form.epochs) }),
    recalibrate: form.recalibrate,
    latency: form.latency,
  };
}
