// How CPU time and memory of the solve grow with the weights, and with the rows: the fixed part is measured on a tiny problem and
// taken off; exponents of the rest by a fit over five sizes, with its residuals; a plot each in results/.
import { writeFileSync } from 'node:fs';
import { standaloneSvg } from '../dist/report/charts/draw.js';
import { HERE, median } from './rows.mjs';

/** Five sizes each, large beside the fixed part. */
export const SERIES = {
  p: { name: 'p at n=300', sizes: [2e5, 4e5, 6e5, 8e5, 10e5], at: (p) => ({ n: 300, p }) },
  n: { name: 'n at p=100000', sizes: [250, 500, 750, 1000, 1250], at: (n) => ({ n, p: 1e5 }) },
};
/** What is the same at every size is measured on problems of so many weights, and rows. */
export const TINY = { p: 1000, n: 10 };

/** What solve-once.mjs is asked for a size. */
export function problemOf({ n, p }) {
  return { n, widths: new Array(10).fill(p / 10), k: Math.round(0.3 * p), solver: 'chita' };
}

/**
 * Fits y = a + b x^c, a given.
 *
 * @returns exponent c, factor b, and the largest relative deviation of a point from the curve
 */
export function powerOf(points, fixed) {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y - fixed)]);
  const mean = (i) => logs.reduce((sum, point) => sum + point[i], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const top = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const exponent = top / logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const factor = Math.exp(my - exponent * mx);
  const worst = Math.max(...points.map(([x, y]) => Math.abs((fixed + factor * x ** exponent) / y - 1)));
  return { exponent, factor, worst };
}

/** Prints the exponents of a series and writes its plot. results: { size: [{ cpu, peakRssMB }, ...], tiny: [...] } */
export function showGrowth(key, results) {
  const { name, sizes } = SERIES[key];
  const of = (size, value) => median(results[size].map(value));
  const measures = { 'CPU seconds': (r) => r.cpu, 'peak memory': (r) => r.peakRssMB / 1000 };
  const series = Object.entries(measures).flatMap(([measure, value]) => {
    const fixed = of('tiny', value);
    const points = sizes.map((size) => [size, of(size, value)]);
    const { exponent, factor, worst } = powerOf(points, fixed);
    const law = `${fixed.toFixed(2)} + b ${key}^${exponent.toFixed(2)}`;
    console.log(`growth   ${name}: ${measure} = ${law}, within ${(100 * worst).toFixed(0)} %`);
    const curve = Array.from({ length: 41 }, (_, i) => (i / 40) * sizes.at(-1));
    return [
      {
        name: measure === 'peak memory' ? 'peak memory, GB' : measure,
        form: 'points',
        points: points.map(([x, y]) => ({ x, y })),
      },
      { name: law, form: 'line', points: curve.map((x) => ({ x, y: fixed + factor * x ** exponent })) },
    ];
  });
  const chart = {
    kind: 'xy',
    id: `growth-${key}`,
    title: `CHITA's solve: ${name}`,
    x: { label: key === 'p' ? 'weights' : 'rows', quantity: 'count', fromZero: true },
    y: { label: 'CPU seconds, GB', quantity: 'number', fromZero: true },
    series,
  };
  writeFileSync(`${HERE}results/growth-${key}.svg`, standaloneSvg(chart));
}
