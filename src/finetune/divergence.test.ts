import { describe, expect, it } from 'vitest';
import { watchLoss } from './divergence.ts';

const watched = (losses: readonly number[], ignorant: number | null = 2): (string | null)[] => {
  const watch = watchLoss({ ignorant });
  return losses.map((loss) => watch.see(loss));
};

describe('a watch on the loss', () => {
  it('takes rising losses for a divergence where they stay far above ignorance, or one is very far', () => {
    expect(watched([1, 25, 30, 1, 5])).toEqual([null, null, null, null, null]);
    expect(watched([1, 25, 30, 35])).toEqual([null, null, null, expect.stringMatching(/rose from 1.00 to 35/)]);
    expect(watched([1, 2001])[1]).toMatch(/rose/);
    expect(watched([0, Number.NaN])[1]).toMatch(/not finite/);
  });

  it('measures a bad start by itself, and says nothing of sizes that it does not know', () => {
    expect(watched([40, 300, 350, 399])).toEqual([null, null, null, null]);
    expect(watched([1e-9, 1e9], null)).toEqual([null, null]);
    expect(watched([1, Number.POSITIVE_INFINITY], null)[1]).toMatch(/not finite/);
  });

  it('goes on from what it had seen as if it had never stopped', () => {
    const losses = [12, 9, 1.6, 6.1, 5.8, 25, 30, 6, 7, 5.9];
    for (let stop = 1; stop < losses.length; stop++) {
      const [whole, begun] = [watchLoss({ ignorant: 1.4 }), watchLoss({ ignorant: 1.4 })];
      for (const loss of losses.slice(0, stop)) begun.see(loss);
      const later = watchLoss({ ignorant: 1.4 }, JSON.parse(JSON.stringify(begun.seen())));
      const rest = losses.slice(stop).map((loss) => later.see(loss));
      expect(rest).toEqual(losses.map((loss) => whole.see(loss)).slice(stop));
      expect([later.end(6.14), later.isGood()]).toEqual([whole.end(6.14), whole.isGood()]);
    }
  });

  it('notices at the end that all was unlearnt, and only there', () => {
    const watch = watchLoss({ ignorant: 2 });
    for (let i = 0; i < 20; i++) expect(watch.see(i === 0 ? 0.1 : 1.9)).toBeNull();
    expect(watch.end(1.9)).toMatch(/rose from 0.100 to 1.90/);
    const weak = watchLoss({ ignorant: 2 });
    for (let i = 0; i < 20; i++) weak.see(1.9);
    expect(weak.end(1.9)).toBeNull();
  });
});
