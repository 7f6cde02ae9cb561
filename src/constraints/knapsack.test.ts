import fc from 'fast-check';
import * as highsModule from 'highs';
import { describe, expect, it } from 'vitest';
import { InfeasibleError, OptionError } from '../errors/errors.ts';
import { random } from '../tensor/random.ts';
import { count } from './cardinality.ts';
import { type CostedGroup, knapsack, type Limit } from './knapsack.ts';

interface Instance {
  readonly importance: Float64Array;
  readonly groups: readonly CostedGroup[];
  readonly limits: readonly Limit[];
}

/** Layers of a few weights each with costs like those of a network, and limits that bind to a varying degree. */
function instanceOf({
  seed,
  ties,
  bounds,
  limits: rows,
}: {
  seed: number;
  ties: boolean;
  bounds: boolean;
  limits: number;
}): Instance {
  const rng = random(seed);
  const groups: CostedGroup[] = [];
  let start = 0;
  for (let g = 0; g < 1 + rng.integer(4); g++) {
    const size = 1 + rng.integer(12);
    const least = bounds ? rng.integer(Math.ceil(size / 4)) : 0;
    groups.push({ start, size, least, most: bounds ? size - rng.integer(Math.ceil(size / 3)) : size });
    start += size;
  }
  const importance = Float64Array.from({ length: start }, () => (ties ? rng.integer(4) : rng.normal() ** 2));
  const limits = Array.from({ length: rows }, (_, r): Limit => {
    const costs = groups.map(() => (r === 0 ? 1 : ([1, 64, 256, 1024, 0][rng.integer(5)] as number)));
    const sums = (key: 'least' | 'most'): number =>
      groups.reduce((sum, group, g) => sum + (group[key] as number) * (costs[g] as number), 0);
    const limit = sums('least') + Math.floor(rng.uniform() * (sums('most') - sums('least')));
    return { what: r === 0 ? 'weights' : `cost ${r}`, costs, limit };
  });
  return { importance, groups, limits };
}

const totalOf = (importance: Float64Array, support: Uint8Array): number =>
  importance.reduce((sum, x, i) => sum + (support[i] === 1 ? x : 0), 0);

/** The same program in the text format that solvers read. */
function programText({ importance, groups, limits }: Instance, whole: boolean): string {
  const owner = (i: number): number => groups.findIndex(({ start, size }) => i >= start && i < start + size);
  const sum = (terms: readonly [number, number][]): string =>
    terms.length === 0 ? '0 z0' : terms.map(([c, i]) => `${c < 0 ? '-' : '+'} ${Math.abs(c)} z${i}`).join(' ');
  const all = [...importance.keys()];
  const rows = [
    ...limits.map(({ costs, limit }) => `${sum(all.map((i) => [costs[owner(i)] as number, i]))} <= ${limit}`),
    ...groups.flatMap(({ start, size, least = 0, most = size }) => {
      const own = all.filter((i) => i >= start && i < start + size).map((i): [number, number] => [1, i]);
      return [`${sum(own)} >= ${least}`, `${sum(own)} <= ${most}`];
    }),
  ];
  const names = all.map((i) => `z${i}`);
  return `Maximize\n obj: ${sum(all.map((i) => [importance[i] as number, i]))}\nSubject To\n${rows
    .map((row, r) => ` r${r}: ${row}`)
    .join(
      '\n',
    )}\nBounds\n${names.map((z) => ` 0 <= ${z} <= 1`).join('\n')}\n${whole ? `Binary\n ${names.join(' ')}\n` : ''}End\n`;
}

// The package is CommonJS: its one export is the function, which the types put under `default`.
const highs = await (
  highsModule.default as unknown as () => Promise<{
    solve(program: string, options: object): { Status: string; ObjectiveValue: number };
  }>
)();
const optimum = (instance: Instance, whole: boolean): number => {
  const result = highs.solve(programText(instance, whole), { mip_rel_gap: 0, mip_abs_gap: 0 });
  expect(result.Status).toBe('Optimal');
  return result.ObjectiveValue;
};

describe('a knapsack constraint', () => {
  const shapes = [1, 2, 3].flatMap((limits) =>
    [false, true].flatMap((ties) => [false, true].map((bounds) => ({ limits, ties, bounds }))),
  );
  it.each(shapes)(
    'with $limits limits (ties $ties, bounds $bounds) is within limits * max I of the exact optimum',
    (shape) => {
      for (let seed = 1; seed <= 25; seed++) {
        const instance = instanceOf({ seed, ...shape });
        const { importance, groups, limits } = instance;
        const constraint = knapsack(importance.length, groups, limits);
        const support = constraint.support(importance);
        const value = totalOf(importance, support);
        const most = importance.reduce((a, b) => Math.max(a, b), 0);
        expect(constraint.allows(support)).toBe(true);
        for (const { start, size, least = 0 } of groups)
          expect(count(support.subarray(start, start + size))).toBeGreaterThanOrEqual(least);
        const [exact, bound] = [optimum(instance, true), optimum(instance, false)];
        expect(value).toBeLessThanOrEqual(exact + 1e-9);
        expect(value).toBeGreaterThanOrEqual(bound - limits.length * most - 1e-6);
        expect(bound).toBeGreaterThanOrEqual(exact - 1e-6);
      }
    },
  );

  it('is plain selection where only the number of weights is limited', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 12 }), fc.nat(12), (list, k) => {
        const importance = Float64Array.from(list);
        const kept = Math.min(k, list.length);
        const constraint = knapsack(
          list.length,
          [{ start: 0, size: list.length }],
          [{ what: 'weights', costs: [1], limit: kept }],
        );
        const best = [...list].sort((a, b) => b - a).slice(0, kept);
        expect(totalOf(importance, constraint.support(importance))).toBe(best.reduce((a, b) => a + b, 0));
      }),
      { seed: 5 },
    );
  });

  it('parts masses of equal importances so that both limits are used', () => {
    const groups = [
      { start: 0, size: 5000 },
      { start: 5000, size: 5000 },
    ];
    const limits = [
      { what: 'weights', costs: [1, 1], limit: 4000 },
      { what: 'MACs', costs: [1, 10], limit: 22_000 },
    ];
    const support = knapsack(10_000, groups, limits).support(
      new Float64Array(10_000).fill(1).map((x, i) => (i < 5000 ? x : 1.5)),
    );
    const counts = [count(support.subarray(0, 5000)), count(support.subarray(5000))];
    for (const kept of counts) expect(Math.abs(kept - 2000)).toBeLessThanOrEqual(2);
    expect(count(support)).toBe(4000);
  });

  it('names the smallest feasible budget where bounds ask for more', () => {
    const groups = [
      { start: 0, size: 4, least: 4 },
      { start: 4, size: 4 },
    ];
    const limits = [
      { what: 'weights', costs: [1, 1], limit: 5 },
      { what: 'MACs', costs: [100, 1], limit: 350 },
    ];
    try {
      knapsack(8, groups, limits);
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(InfeasibleError);
      expect((thrown as InfeasibleError).fields).toEqual({ closest: { weights: 4, MACs: 400 } });
    }
  });

  it('refuses bounds and costs that cannot be', () => {
    const limit = { what: 'weights', costs: [1], limit: 1 };
    for (const group of [{ least: 3 }, { most: 3 }, { least: 2, most: 1 }, { least: 0.5 }])
      expect(() => knapsack(2, [{ start: 0, size: 2, ...group }], [limit])).toThrow(OptionError);
    for (const costs of [[], [-1], [Number.NaN]])
      expect(() => knapsack(2, [{ start: 0, size: 2 }], [{ ...limit, costs }])).toThrow(OptionError);
  });
});
