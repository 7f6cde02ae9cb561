import { describe, expect, it } from 'vitest';
import { random } from '../tensor/random.ts';
import { type Looked, lbfgs, type Reached } from './lbfgs.ts';

async function walk(start: number[], look: (x: Float64Array) => Looked, most = 500): Promise<Reached[]> {
  const seen: Reached[] = [];
  for await (const point of lbfgs(Float64Array.from(start), async (x) => look(x))) if (seen.push(point) >= most) break;
  return seen;
}

/** 1/2 sum of d_i (x_i - c_i)^2 */
function bowl(d: number[], c: number[]): (x: Float64Array) => Looked {
  return (x) => {
    const gradient = x.map((v, i) => (d[i] as number) * (v - (c[i] as number)));
    return { value: x.reduce((sum, v, i) => sum + ((d[i] as number) * (v - (c[i] as number)) ** 2) / 2, 0), gradient };
  };
}

describe('lbfgs', () => {
  it('comes to the bottom of a narrow bowl in fewer steps than the gradient takes', async () => {
    const rng = random(3);
    const [d, c] = [
      Array.from({ length: 30 }, (_, i) => 10 ** (i / 10)),
      Array.from({ length: 30 }, () => rng.normal()),
    ];
    const points = await walk(Array<number>(30).fill(1), bowl(d, c), 150);
    for (const [i, x] of (points.at(-1) as Reached).x.entries()) expect(x).toBeCloseTo(c[i] as number, 3);
  });

  it('follows a bent valley', async () => {
    const points = await walk([-1.2, 1], (x) => {
      const [a, b] = [x[0] as number, x[1] as number];
      const off = b - a * a;
      return {
        value: 100 * off * off + (1 - a) ** 2,
        gradient: Float64Array.of(-400 * a * off - 2 * (1 - a), 200 * off),
      };
    });
    expect((points.at(-1) as Reached).value).toBeLessThan(1e-6);
  });

  it('falls with every step, and turns back where the function ends', async () => {
    const edge = (x: Float64Array): Looked => {
      const v = x[0] as number;
      return { value: v > 0 ? v - Math.log(v) : Number.NaN, gradient: Float64Array.of(1 - 1 / v) };
    };
    const points = await walk([30], edge);
    expect((points.at(-1) as Reached).x[0]).toBeCloseTo(1, 2);
    for (const [i, { value }] of points.entries())
      if (i > 0) expect(value).toBeLessThan(points[i - 1]?.value as number);
  });

  it('stays where there is no slope', async () => {
    expect(await walk([0, 0], bowl([1, 1], [0, 0]))).toEqual([]);
  });
});
