import { describe, expect, it } from 'vitest';
import { CHECKS, checkCase, checkRows, nameOf, OPSETS } from '../../test/gradient-check.ts';
import { CASES } from './gradients.cases.ts';
import { RULES } from './registry.ts';

/** Of rows against single samples: both are float32. */
const ROW_TOLERANCE = 2e-6;

describe.each([...RULES.values()].map((rule) => ({ rule, name: rule.op })))('$name', ({ rule }) => {
  const cases = CASES.filter((row) => row.op === rule.op);

  it('has a case', () => {
    expect(cases.length).toBeGreaterThan(0);
    expect(rule.rows === undefined || cases.some((row) => row.weights !== undefined)).toBe(true);
  });

  const runs = cases.flatMap((row) => (row.opsets ?? OPSETS).map((opset) => ({ name: nameOf(row), row, opset })));
  it.each(runs)('$name at opset $opset agrees with differences', async ({ row, opset }) => {
    const { tolerance } = CHECKS[rule.linearity];
    for (const { input, deviation } of await checkCase(row, rule, opset)) {
      expect(deviation, `input ${input}`).toBeLessThan(tolerance);
    }
  });

  const rowRuns = runs.filter(({ row }) => row.weights !== undefined);
  it.each(rowRuns)('$name at opset $opset has the rows of single samples', async ({ row, opset }) => {
    const { single, grouped } = await checkRows(row, opset);
    expect(single).toBeLessThan(ROW_TOLERANCE);
    expect(grouped).toBeLessThan(ROW_TOLERANCE);
  });
});

it('has no case of an operator without a rule', () => {
  expect(CASES.filter((row) => !RULES.has(row.op)).map(nameOf)).toEqual([]);
});
