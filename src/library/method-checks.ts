import { z } from 'zod';
import { type Check, type Checks, oneOf } from '../errors/arguments.ts';
import { factsOf, METHOD_OPTIONS } from '../pruning/method-options.ts';

/** Options of methods as their schemas have them. */
export const METHOD_CHECKS: Checks = Object.fromEntries(
  Object.entries(METHOD_OPTIONS).map(([name, schema]) => [name, checkOf(schema)]),
);

function checkOf(schema: z.ZodType): Check {
  if (schema instanceof z.ZodEnum) return oneOf(schema.options as string[]);
  const { wanted = 'a value that the method takes' } = factsOf(schema) ?? {};
  return (value) => (value !== null && schema.safeParse(value).success ? null : wanted);
}
