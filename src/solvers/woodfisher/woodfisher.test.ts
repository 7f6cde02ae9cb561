import { describe, expect, it } from 'vitest';
import { cardinality } from '../../constraints/cardinality.ts';
import { inverse, plusDiagonal, product, times, transposed } from '../../problem/dense.cases.ts';
import { SMALL_PROBLEMS, type SmallProblem } from '../../problem/small-problems.cases.ts';
import { drive } from '../drive.ts';
import { woodfisher } from './woodfisher.ts';

/** The method as it is defined, on the inverse of F = A'A / n + lambda I as a p x p matrix. */
function byDenseInverse({ problem, dense }: SmallProblem, kept: number): Float64Array {
  const { n, p, lambda, wBar } = problem;
  const F = plusDiagonal(
    product(transposed(dense.A), dense.A).map((row) => row.map((x) => x / n)),
    lambda,
  );
  const Finv = inverse(F);
  const diagonal = Finv.map((row, i) => row[i] as number);
  const scores = Array.from(wBar, (w, i) => (w * w) / (2 * (diagonal[i] as number)));
  const ranked = scores.map((score, i) => ({ score, i })).sort((a, b) => b.score - a.score || a.i - b.i);
  const support = new Uint8Array(p);
  for (const { i } of ranked.slice(0, kept)) support[i] = 1;
  const q = Array.from(wBar, (w, i) => (support[i] === 1 ? 0 : w / (diagonal[i] as number)));
  const change = times(Finv, q);
  return wBar.map((w, i) => (support[i] === 1 ? w - (change[i] as number) : 0));
}

describe('woodfisher', () => {
  const distinct = SMALL_PROBLEMS.filter(({ name }) => !/equal size|duplicate columns|zero weights/.test(name));

  it.each(distinct)('agrees with the dense p x p inverse on $name', async (small) => {
    const { p, wBar } = small.problem;
    for (const kept of [0, 1, Math.ceil(p / 2), p]) {
      const { w } = await drive(woodfisher(), small.problem, cardinality(p, kept));
      const wanted = byDenseInverse(small, kept);
      const scale = Math.max(...wBar.map(Math.abs), ...wanted.map(Math.abs));
      expect(Array.from(w, (x) => x !== 0)).toEqual(Array.from(wanted, (x) => x !== 0));
      w.forEach((x, i) => {
        expect(Math.abs(x - (wanted[i] as number))).toBeLessThan(1e-3 * scale);
      });
    }
  });

  it('leaves weights alone that share no row with a pruned one', async () => {
    const { problem } = SMALL_PROBLEMS.find(({ name }) => name.startsWith('a layer without gradients')) as SmallProblem;
    const { w } = await drive(woodfisher(), problem, cardinality(problem.p, problem.p - 1));
    for (let i = 5; i < 9; i++) expect([0, problem.wBar[i]]).toContain(w[i]);
  });
});
