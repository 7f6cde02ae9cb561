import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { SAMPLE_FACTS } from '../../test/report/sample-facts.ts';
import { makeReport } from './make-report.ts';
import { REPORT_SCHEMA, reportJsonSchema } from './report.ts';

const validate = new Ajv2020({ allErrors: true, strict: true }).compile(reportJsonSchema());
const sample = makeReport(SAMPLE_FACTS);

describe('reportJsonSchema', () => {
  it('accepts the sample as JSON', () => {
    expect([validate(JSON.parse(JSON.stringify(sample))), validate.errors]).toEqual([true, null]);
  });

  it.each([
    ['another version', { schema: 'coppice/report@2' }],
    ['an accuracy in percent', { accuracy: { before: 91.44, after: 83.12 } }],
    ['half a weight', { nonzeros: 0.5 }],
    ['a missing figure', { macs: { before: 1 } }],
    ['text for a number', { seed: '1' }],
  ])('refuses %s', (_, change) => {
    expect(validate({ ...sample, ...change })).toBe(false);
  });

  it('accepts fields that it does not know, so that old readers go on reading', () => {
    expect(validate({ ...sample, later: 1 })).toBe(true);
  });

  it('is the published file', async () => {
    await expect(`${JSON.stringify(reportJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
      '../../docs/report.schema.json',
    );
  });
});

describe('makeReport', () => {
  it('has the fields that scripts rely on at the top level', () => {
    expect(sample).toMatchObject({
      schema: REPORT_SCHEMA,
      accuracy: { before: 0.9144, after: 0.8312 },
      sparsity: 1 - 8081 / 111_024,
      nonzeros: 8081,
      prunable: 111_024,
      macs: { before: 30_812_160, after: 3_402_880 },
      objective: 4.8352,
      seconds: { gradients: 9.71 },
      peakRssMB: 1120.4,
    });
  });

  it('derives each layer from its kept weights', () => {
    expect(sample.layers[0]).toMatchObject({ weights: 432, kept: 311, removed: 121, sparsity: 121 / 432 });
  });

  it('turns figures that are not finite into null and warns', () => {
    const { loss, predicted, objective, warnings } = makeReport({
      ...SAMPLE_FACTS,
      loss: { before: 0.3, after: Number.NaN },
      predicted: { objective: { before: 1, after: Number.POSITIVE_INFINITY }, lossChange: 0 },
      warnings: ['first'],
    });
    expect(loss).toEqual({ before: 0.3, after: null });
    expect(predicted?.objective).toEqual({ before: 1, after: null });
    expect(objective).toBeNull();
    expect(warnings).toEqual([
      'first',
      'predicted.objective.after is not a finite number',
      'loss.after is not a finite number',
    ]);
  });

  it('calls a model without prunable weights 0 % sparse', () => {
    expect(makeReport({ ...SAMPLE_FACTS, layers: [] })).toMatchObject({ sparsity: 0, nonzeros: 0, prunable: 0 });
  });

  it('refuses facts that contradict the layout', () => {
    expect(() => makeReport({ ...SAMPLE_FACTS, accuracy: { before: 91.44, after: 83.12 } })).toThrow();
  });
});
