import type { RuleContext } from '../rule.ts';

/** [samples, ...shape] -> [rows, ...shape], adding the samples / rows entries of each group. */
export function sumGroups(
  at: RuleContext,
  value: string,
  { rows, samples, shape }: { rows: number; samples: number; shape: readonly number[] },
): string {
  return samples === rows ? value : at.sum(at.reshape(value, [rows, samples / rows, ...shape]), [1]);
}
