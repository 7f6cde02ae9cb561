import { describe, expect, it } from 'vitest';
import type { PruneFlags } from '../flags.ts';
import { adviceOn } from './advice.ts';
import type { Measured } from './prune-run.ts';

const measured = (was: number | null, is: number | null): Pick<Measured, 'before' | 'last'> =>
  ({ before: was === null ? null : { accuracy: was }, last: { accuracy: is } }) as Measured;
const flags = (more: Partial<PruneFlags> = {}): PruneFlags => ({ method: 'chita', data: 'x', ...more }) as PruneFlags;

describe('advice', () => {
  it('names what was not tried where much accuracy is lost', () => {
    const text = adviceOn(measured(0.91, 0.5), flags());
    expect(text).toContain('fell by 41.0 points');
    for (const way of ['--recalibrate', '--method auto', '--gradual']) expect(text).toContain(way);
    expect(adviceOn(measured(0.91, 0.5), flags({ recalibrate: true }))).not.toContain('--recalibrate');
    expect(adviceOn(measured(0.91, 0.5), flags({ data: undefined }))).toContain('(with --data)');
  });

  it('says nothing where little is lost, nothing was measured, or the run trained', () => {
    expect(adviceOn(measured(0.91, 0.9), flags())).toBeNull();
    expect(adviceOn(measured(null, 0.1), flags())).toBeNull();
    expect(adviceOn(measured(0.9, null), flags())).toBeNull();
    expect(adviceOn(measured(0.9, 0.1), flags({ method: 'auto' }))).toBeNull();
    expect(adviceOn(measured(0.9, 0.1), flags({ gradual: true }))).toBeNull();
  });
});
