import { expect, it } from 'vitest';
import { CHECKS, OPSETS } from '../../test/gradient-check.ts';
import { LOWERING_FAMILIES } from '../graph/passes/lower.ts';
import { operatorKey } from '../ir/access.ts';
import { CASES } from './gradients.cases.ts';
import { FAMILIES } from './registry.ts';
import type { GradientRule } from './rule.ts';

function line(
  rule: Pick<GradientRule, 'op' | 'domain' | 'since' | 'linearity' | 'rows'> & { refuses?: unknown },
): string {
  const cases = CASES.filter((row) => operatorKey(row) === operatorKey(rule));
  const opsets = [...new Set(cases.flatMap((row) => row.opsets ?? OPSETS))].sort((a, b) => a - b);
  const rows = rule.rows === undefined ? '' : 'yes';
  const refused = rule.refuses === undefined ? '' : 'some forms';
  return `| ${operatorKey(rule)} | ${rule.since.join(' ')} | ${rule.linearity} | ${cases.length} | ${opsets.join(' ')} | ${rows} | ${refused} |`;
}

it('coverage.md is the registry (npx vitest run src/autodiff/coverage -u writes it anew)', async () => {
  const head =
    '| operator | changed at opset | check | cases | run at opset | rows for each sample | refuses |\n| --- | --- | --- | --- | --- | --- | --- |';
  const families = Object.entries(FAMILIES).map(
    ([name, rules]) => `## ${name}\n\n${head}\n${rules.map(line).join('\n')}\n`,
  );
  const lowered = Object.entries(LOWERING_FAMILIES).map(
    ([name, lowerings]) => `## rewritten in plain operators: ${name}\n\n${head}\n${lowerings.map(line).join('\n')}\n`,
  );
  const checks = Object.entries(CHECKS).map(
    ([name, { tolerance, step, step32 }]) => `| ${name} | ${tolerance} | ${step} | ${step32} |`,
  );
  const legend = `| check | tolerance | step in float64 | step in float32 |\n| --- | --- | --- | --- |\n${checks.join('\n')}\n`;
  await expect(`# Operators with a gradient\n\n${legend}\n${[...families, ...lowered].join('\n')}`).toMatchFileSnapshot(
    'coverage.md',
  );
});
