import { describe, expect, it } from 'vitest';
import { type Recipe, recipeOf } from '../../pipeline/recipe.ts';
import type { Finished } from '../../pipeline/run.ts';
import { adviceOn } from './advice.ts';

const measured = (was: number | null, is: number | null): Finished =>
  ({
    before: was === null ? null : { accuracy: was },
    steps: [{ do: 'prune', evaluation: { accuracy: is } }],
  }) as unknown as Finished;
const recipe = (prune: object = {}, { data = 'x', after = [] as object[] } = {}): Recipe =>
  recipeOf({
    schema: 'coppice/recipe@1',
    ...(data !== '' && { data }),
    steps: [{ do: 'prune', method: 'chita', budget: { sparsity: 0.5 }, ...prune }, ...after],
  });

describe('advice', () => {
  it('names what was not tried where much accuracy is lost', () => {
    const text = adviceOn(measured(0.91, 0.5), recipe());
    expect(text).toContain('fell by 41.0 points');
    for (const way of ['--recalibrate', '--method auto', '--gradual']) expect(text).toContain(way);
    const again = recipe({}, { after: [{ do: 'recalibrate' }] });
    expect(adviceOn(measured(0.91, 0.5), again)).not.toContain('--recalibrate');
    expect(adviceOn(measured(0.91, 0.5), recipe({}, { data: '' }))).toContain('(with --data)');
  });

  it('says nothing where little is lost, nothing was measured, or the run trained', () => {
    expect(adviceOn(measured(0.91, 0.9), recipe())).toBeNull();
    expect(adviceOn(measured(null, 0.1), recipe())).toBeNull();
    expect(adviceOn(measured(0.9, null), recipe())).toBeNull();
    expect(adviceOn(measured(0.9, 0.1), recipe({ method: 'auto' }))).toBeNull();
    expect(adviceOn(measured(0.9, 0.1), recipe({ gradual: {} }))).toBeNull();
    expect(adviceOn(measured(0.9, 0.1), recipe({}, { after: [{ do: 'finetune' }] }))).toBeNull();
  });
});
