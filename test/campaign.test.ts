import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { basesOf } from '../bench/campaign/bases.ts';
import { alike, FAULTS, type Verdict, verdictOf } from '../bench/campaign/campaign.ts';
import { CAMPAIGNS } from '../bench/campaign/list.ts';
import { mutantAt } from '../bench/campaign/models.ts';
import { kept, tally } from '../bench/campaign/state.ts';
import { putTogether, takeApart } from '../bench/campaign/wire.ts';
import { OptionError } from '../src/errors/errors.ts';
import { ModelProtoSchema } from '../src/onnx/onnx_pb.ts';

const scratch = mkdtempSync(join(tmpdir(), 'coppice-campaign-test-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Cases of each campaign that run with the tests: a few seconds. */
const CASES: Readonly<Record<string, number>> = { models: 600 };

describe('npm run campaign', () => {
  it.each(Object.values(CAMPAIGNS))('$name: the first cases have no fault', async (campaign) => {
    const faults: string[] = [];
    for (let index = 0; index < (CASES[campaign.name] ?? 0); index++) {
      const verdict = await campaign.case(1, index, { scratch, entering: () => undefined }).catch(verdictOf);
      if (FAULTS.some((fault) => fault === verdict.kind)) faults.push(`${index}: ${verdict.kind}: ${verdict.what}`);
    }
    expect(faults).toEqual([]);
  });

  it('makes a mutant of seed and number alone', () => {
    expect(mutantAt(1, 77).bytes).toEqual(mutantAt(1, 77).bytes);
    expect(mutantAt(1, 77).bytes).not.toEqual(mutantAt(2, 77).bytes);
  });

  it('takes every base apart and puts it together again', () => {
    for (const { bytes } of basesOf()) expect(putTogether(takeApart(bytes, ModelProtoSchema))).toEqual(bytes);
  });

  it('tells refusals from bugs', () => {
    expect(verdictOf(new OptionError('Cannot use "a" 17: wanted less'))).toEqual({
      kind: 'refused',
      what: 'option: Cannot use "" #: wanted less',
    });
    expect(verdictOf(new TypeError('x is undefined')).kind).toBe('bug');
    expect(verdictOf(new OptionError('Cannot use undefined')).kind).toBe('wrong');
    expect(alike('row 12 of "x.npy"')).toBe(alike('row 7 of "y"'));
  });

  it('counts kinds, and keeps the first cases of a fault', () => {
    const state = kept(scratch, { name: 'none', seed: 1 });
    const bug: Verdict = { kind: 'bug', what: 'broken' };
    for (let index = 0; index < 9; index++) tally(state, index, bug);
    tally(state, 9, { kind: 'right' });
    expect(state.counts).toEqual({ bug: 9, right: 1 });
    expect(state.faults['bug: broken']).toEqual({ times: 9, cases: [0, 1, 2, 3, 4] });
  });
});
