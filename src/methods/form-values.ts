import type { MethodOption, MethodOptions } from '../pruning/method-options.ts';
import type { FormField } from './form.ts';

/** What was filled in, by the names of the options: texts as they were typed; empty = the method's default. */
export type Filled = { [Name in MethodOption]?: string };

const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 };

/** The options that a form gives: those of its fields that were filled in. What is no number stays text, for the method's schema to refuse. */
export function optionsOf(fields: readonly FormField[], filled: Filled): MethodOptions {
  const given = fields.flatMap((field) => {
    const text = filled[field.name]?.trim() ?? '';
    return text === '' ? [] : [[field.name, readAs(field, text)] as const];
  });
  return Object.fromEntries(given) as MethodOptions;
}

function readAs({ kind, choices }: FormField, text: string): string | number | boolean {
  if (kind === 'yes-no' && (text === 'yes' || text === 'no')) return text === 'yes';
  if (kind === 'choice' || kind === 'yes-no' || choices.includes(text)) return text;
  const [, digits = '', suffix = ''] = (kind === 'amount' && /^([\d.]+)([kMG]?)$/.exec(text)) || [null, text, ''];
  const value = Number(digits) * (SUFFIXES[suffix] as number);
  return Number.isFinite(value) ? value : text;
}

/** A default as a form shows it. */
export function defaultText({ default: value, kind }: FormField): string {
  if (value === null) return '';
  if (kind === 'yes-no' && typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value);
}

/** An option's name in words: `first order`. */
export function titleOf({ name }: Pick<FormField, 'name'>): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
