import { describe, expect, it } from 'vitest';
import { cardinality } from '../constraints/cardinality.ts';
import { countNonzeros } from '../constraints/constraint.ts';
import type { GradientRows } from '../curvature/gradient-rows.ts';
import { linalg } from '../engine/linalg.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { random } from '../tensor/random.ts';
import { type LossOfWeights, leastLossAhead, type RidgeSetting, solveWith } from './ridge.ts';

const [N, P] = [6, 10];
const RIDGES = [1, 1e-2, 1e-4];

function setting(next: number | null, more: Partial<RidgeSetting> = {}): RidgeSetting {
  const rng = random(3);
  const data = Float32Array.from({ length: N * P }, () => rng.normal());
  const rows: GradientRows = { n: N, p: P, panels: [{ start: 0, width: P, data }], meanLoss: 1 };
  return {
    rows,
    w: Float64Array.from({ length: P }, () => Math.fround(rng.normal())),
    units: null,
    firstOrder: 0.3,
    constraint: cardinality(P, 7),
    next: next === null ? null : cardinality(P, next),
    scale: 1,
    solver: chita(),
    algebra: linalg(engine, 1),
    onProgress: () => undefined,
    ...more,
  };
}

/** A loss that remembers what it was asked of, and is least at one of its calls. */
function lossLeastAt(best: number): { seen: Float64Array[]; loss: LossOfWeights } {
  const seen: Float64Array[] = [];
  return { seen, loss: async (w) => (seen.push(w) - 1 === best ? 1 : 2) };
}

describe('leastLossAhead', () => {
  it.each([0, 1, 2])('takes the ridge whose weights are judged best, number %i', async (best) => {
    const { loss } = lossLeastAt(best);
    const found = await leastLossAhead(setting(4), RIDGES, loss);
    expect(found.lambda).toBe(RIDGES[best]);
    expect(found.w).toEqual((await solveWith(setting(4), RIDGES[best] as number)).w);
  });

  it('judges what is left at the budget of the next stage, solved for again', async () => {
    const { seen, loss } = lossLeastAt(0);
    const asked = setting(4);
    const found = await leastLossAhead(asked, RIDGES, loss);
    expect(seen.map(countNonzeros)).toEqual([4, 4, 4]);
    expect(countNonzeros(found.w)).toBe(7);
    // those that are left moved to make up for those that went
    const [first = new Float64Array()] = seen;
    expect(first.some((x, i) => x !== 0 && x !== found.w[i])).toBe(true);
    expect([...first].every((x, i) => x === 0 || found.w[i] !== 0)).toBe(true);
  });

  it('judges the last stage as it is', async () => {
    const { seen, loss } = lossLeastAt(1);
    const found = await leastLossAhead(setting(null), RIDGES, loss);
    expect(seen[1]).toBe(found.w);
    expect(seen.map(countNonzeros)).toEqual([7, 7, 7]);
  });

  it('takes the first of those that are equally good', async () => {
    expect((await leastLossAhead(setting(4), RIDGES, async () => 1)).lambda).toBe(1);
  });

  it('works in the units of the weights', async () => {
    const units = Float64Array.from({ length: P }, (_, i) => 2 ** (i % 3));
    const plain = setting(4, { units });
    const { seen, loss } = lossLeastAt(2);
    const found = await leastLossAhead(plain, RIDGES, loss);
    expect([countNonzeros(found.w), countNonzeros(seen[2] as Float64Array)]).toEqual([7, 4]);
    const left = new Set([...(seen[2] as Float64Array)].flatMap((x, i) => (x === 0 ? [] : [i])));
    const byUnit = [...found.w]
      .map((x, i) => [Math.abs(x) / (units[i] as number), i] as const)
      .sort(([a], [b]) => b - a);
    expect(left).toEqual(new Set(byUnit.slice(0, 4).map(([, i]) => i)));
  });
});
