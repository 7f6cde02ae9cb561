/** Width and height of a picture in pixels. */
export const SIZE = 28;

/** A place in the plane. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A map of the plane to itself. */
export type Move = (point: Point) => Point;

/** A picture, or another value for each pixel: [28 * 28], row by row. */
export type Field = Float32Array;

/** A Gaussian blur with its tails cut at three deviations; beyond the border lies nothing. */
export function blurred(values: Field, deviation: number): Field {
  const reach = Math.ceil(3 * deviation);
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)),
  );
  const sum = weights.reduce((a, b) => a + b, 0);
  return pass(
    pass(
      values,
      weights.map((w) => w / sum),
    ),
    weights.map((w) => w / sum),
  );
}

/** Blurs the rows and transposes; done twice, rows and columns are blurred and all is upright again. */
function pass(values: Field, weights: Float64Array): Field {
  const reach = (weights.length - 1) / 2;
  const out = new Float32Array(values.length);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      let sum = 0;
      const [from, to] = [Math.max(0, x - reach), Math.min(SIZE - 1, x + reach)];
      for (let i = from; i <= to; i++) sum += (weights[i - x + reach] as number) * (values[y * SIZE + i] as number);
      out[x * SIZE + y] = sum;
    }
  }
  return out;
}
