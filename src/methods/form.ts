import { z } from 'zod';
import { factsOf, type MethodOption } from '../pruning/method-options.ts';
import { defaultOf, type Method } from './method.ts';

/** What is filled in: whole numbers from 1 or from 0, any number, an amount such as `30k`, one of some words, or yes and no. */
export type FieldKind = 'count' | 'whole' | 'number' | 'amount' | 'choice' | 'yes-no';

/** An option of a method as a form asks for it: plain data, which may be sent. */
export interface FormField {
  readonly name: MethodOption;
  /** In one line. */
  readonly description: string;
  readonly kind: FieldKind;
  /** The words of a choice, or those that a number may be instead; else none. */
  readonly choices: readonly string[];
  /** What holds where nothing is filled in; null = the method finds it by itself, or does without. */
  readonly default: number | string | boolean | null;
  /** Whether it is asked for at first sight. */
  readonly isCommon: boolean;
}

/** The form of a method. */
export interface MethodForm {
  readonly name: string;
  readonly summary: string;
  readonly needs: Method['needs'];
  /** Common fields first. */
  readonly fields: readonly FormField[];
}

/** Options that most runs are set by, in the order in which they are asked for. */
const COMMON: readonly MethodOption[] = ['minutes', 'samples', 'batch', 'lambda', 'stages'];

/** What may be set of a method, out of the schema of its options. */
export function formOf(method: Method): MethodForm {
  const names = Object.keys(method.options.shape) as MethodOption[];
  const ordered = [...COMMON.filter((name) => names.includes(name)), ...names.filter((name) => !COMMON.includes(name))];
  const { name, summary, needs } = method;
  return { name, summary, needs, fields: ordered.map((option) => fieldOf(method, option)) };
}

function fieldOf(method: Method, name: MethodOption): FormField {
  const schema = method.options.shape[name] as z.ZodType;
  const facts = factsOf(schema);
  return {
    name,
    description: facts?.description ?? '',
    ...shapeOf(bare(schema), facts?.isAmount === true),
    default: (defaultOf(method, name) ?? null) as FormField['default'],
    isCommon: COMMON.includes(name),
  };
}

/** The schema of a value that is given: without its default, and without null. */
function bare(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodNullable
    ? bare(schema.unwrap() as z.ZodType)
    : schema;
}

function shapeOf(schema: z.ZodType, isAmount: boolean): Pick<FormField, 'kind' | 'choices'> {
  if (schema instanceof z.ZodBoolean) return { kind: 'yes-no', choices: [] };
  if (schema instanceof z.ZodEnum) return { kind: 'choice', choices: schema.options as string[] };
  if (schema instanceof z.ZodUnion) {
    const words = schema.options.flatMap((one) => (one instanceof z.ZodLiteral ? [...one.values].map(String) : []));
    const value = shapeOf(schema.options.find((one) => !(one instanceof z.ZodLiteral)) as z.ZodType, isAmount);
    // a switch is on, off, or as it is by default
    return value.kind === 'yes-no' ? value : { ...value, choices: words };
  }
  if (isAmount) return { kind: 'amount', choices: [] };
  if (!(schema instanceof z.ZodNumberFormat)) return { kind: 'number', choices: [] };
  return { kind: schema.minValue === 1 ? 'count' : 'whole', choices: [] };
}
