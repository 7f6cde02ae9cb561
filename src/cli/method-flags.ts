import { type Command, Option } from 'commander';
import { z } from 'zod';
import { METHOD_NAMES, METHODS, SOLVING_METHOD } from '../methods/list.ts';
import { defaultOf } from '../methods/method.ts';
import { factsOf, METHOD_OPTIONS, type MethodOption } from '../pruning/method-options.ts';
import { amount, count, number, numberOrAuto, oneOf, whole } from './parsers.ts';
import { flagOfName } from './remedies.ts';

/** Adds the options of all methods, each with its defaults by method. */
export function methodFlags(command: Command): Command {
  for (const name of Object.keys(METHOD_OPTIONS) as MethodOption[]) {
    command.addOption(flagOf(name));
    if (isSwitchOrAuto(METHOD_OPTIONS[name]))
      command.addOption(new Option(flagOfName(name).replace('--', '--no-'), 'do not'));
  }
  return command;
}

function flagOf(name: MethodOption): Option {
  const schema = bare(METHOD_OPTIONS[name]);
  const { description = '', argument = 'kind', isAmount = false } = factsOf(schema) ?? {};
  const flag = flagOfName(name);
  if (schema instanceof z.ZodBoolean || isSwitchOrAuto(schema)) return new Option(flag, textOf(name, description));
  const option = new Option(`${flag} <${argument}>`, '');
  if (schema instanceof z.ZodEnum) {
    const words = schema.options as string[];
    option.description = textOf(name, `${description}: ${words.join(', ')}`);
    return option.argParser(oneOf(words));
  }
  option.description = textOf(name, description);
  if (isAmount) return option.argParser(amount);
  if (schema instanceof z.ZodUnion) return option.argParser(numberOrAuto);
  const { minimum } = z.toJSONSchema(schema) as { readonly minimum?: number };
  if (schema instanceof z.ZodNumberFormat) return option.argParser(minimum === 1 ? count : whole);
  return option.argParser(number);
}

/** Whether an option is on, off, or left to the data: its flag has a `--no-` beside it. */
export function isSwitchOrAuto(schema: z.ZodType): boolean {
  return schema instanceof z.ZodUnion && schema.options.some((each) => each instanceof z.ZodBoolean);
}

function bare(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodNullable ? (schema.unwrap() as z.ZodType) : schema;
}

/** Methods that a help text names one by one where an option is theirs alone. */
const MOST_NAMED = 3;

/** What an option is, and its defaults: `... (default: 1000; auto: 938)`. */
function textOf(name: MethodOption, description: string): string {
  const having = METHOD_NAMES.filter((method) => name in METHODS[method].options.shape);
  const whose = having.length <= MOST_NAMED ? ` [${having.join(', ')}]` : '';
  const known = having.flatMap((method) => {
    const value = defaultOf(METHODS[method], name);
    return value === null || value === false ? [] : [{ method, value: String(value) }];
  });
  const usual = known.find(({ method }) => method === SOLVING_METHOD)?.value ?? known[0]?.value;
  if (usual === undefined) return description + whose;
  const others = known.filter(({ value }) => value !== usual).map(({ method, value }) => `${method}: ${value}`);
  return `${description}${whose} (default: ${[usual, ...others].join('; ')})`;
}
