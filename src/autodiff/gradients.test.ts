import { describe, expect, it } from 'vitest';
import { CHECKS, checkCase, checkLowered, checkRows, nameOf, OPSETS } from '../../test/gradient-check.ts';
import { LOWERINGS } from '../graph/passes/lower.ts';
import { operatorKey } from '../ir/access.ts';
import { CASES } from './gradients.cases.ts';
import { RULES } from './registry.ts';

/** Of rows against single samples: both are float32. */
const ROW_TOLERANCE = 2e-6;

/** Of a rewritten operator against its own kernel: both are float32. */
const LOWERED_TOLERANCE = 2e-6;

describe.each([...RULES.values()].map((rule) => ({ rule, name: operatorKey(rule) })))('$name', ({ rule }) => {
  const cases = CASES.filter((row) => operatorKey(row) === operatorKey(rule));

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

describe.each([...LOWERINGS.values()].map((lowering) => ({ lowering, name: operatorKey(lowering) })))(
  '$name, rewritten',
  ({ lowering }) => {
    const cases = CASES.filter((row) => operatorKey(row) === operatorKey(lowering));

    it('has a case', () => {
      expect(cases.length).toBeGreaterThan(0);
    });

    const runs = cases.flatMap((row) => (row.opsets ?? OPSETS).map((opset) => ({ name: nameOf(row), row, opset })));
    it.each(runs)('$name at opset $opset agrees with its kernel and with differences', async ({ row, opset }) => {
      expect(await checkLowered(row, opset)).toBeLessThan(LOWERED_TOLERANCE);
      const { tolerance } = CHECKS[lowering.linearity];
      for (const { input, deviation } of await checkCase(row, lowering, opset)) {
        expect(deviation, `input ${input}`).toBeLessThan(tolerance);
      }
    });
  },
);

it('has no case of an operator without a rule', () => {
  expect(CASES.filter((row) => !RULES.has(operatorKey(row)) && !LOWERINGS.has(operatorKey(row))).map(nameOf)).toEqual(
    [],
  );
});
