import { describe, expect, it } from 'vitest';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { findWeights } from '../graph/weights.ts';
import { parseModelText } from '../onnx/text.ts';
import { rowsOf } from '../pruning/gradients.ts';
import { random } from '../tensor/random.ts';

/** Rows of the one layer of a model, [n, p] in its order. */
async function rowsOfModel(text: string): Promise<number[]> {
  const model = parseModelText(text);
  const source = randomFeeds(model, { rng: random(1), count: 8 });
  const { layers, ...request } = {
    layers: findWeights(model).prunable,
    loss: 'random' as const,
    labels: 'data' as const,
    samples: 4,
    batch: 2,
    augment: false,
  };
  const { panels } = await rowsOf({ ...request, layers, engine, model, source, rng: random(2) });
  return panels.flatMap(({ data }) => (typeof data === 'function' ? [] : [...data]));
}

/** The same numbers in another order: element i of the file is `value(place of i)`. */
function listed(size: number, place: (i: number) => number): string {
  const rng = random(5);
  const values = Array.from({ length: size }, () => rng.normal());
  return Array.from({ length: size }, (_, i) => values[place(i)]).join(', ');
}

describe('gradient rows of a moved weight', () => {
  it.each([
    {
      name: 'a kernel in another order',
      plain: `input x: float32[N, 3, 4, 4] const k: float32[2, 3, 2, 2] = [${listed(24, (i) => i)}] y = Conv(x, k) output y`,
      moved: `input x: float32[N, 3, 4, 4] const s: float32[2, 2, 3, 2] = [${listed(24, (i) => {
        const [h, w, c, o] = [Math.floor(i / 12), Math.floor(i / 6) % 2, Math.floor(i / 2) % 3, i % 2];
        return ((o * 3 + c) * 2 + h) * 2 + w;
      })}] k = Transpose(s) { perm: [3, 2, 0, 1] } y = Conv(x, k) output y`,
    },
    {
      name: 'a batch of matrices',
      plain: `input x: float32[N, 2, 3, 4] const w: float32[2, 4, 5] = [${listed(40, (i) => i)}] y = MatMul(x, w) output y`,
      moved: `input x: float32[N, 2, 3, 4] const s: float32[2, 5, 4] = [${listed(40, (i) => {
        const [b, m, k] = [Math.floor(i / 20), Math.floor(i / 4) % 5, i % 4];
        return (b * 4 + k) * 5 + m;
      })}] w = Transpose(s) { perm: [0, 2, 1] } y = MatMul(x, w) output y`,
    },
  ])('$name: those of one that is stored as it is read', async ({ plain, moved }) => {
    const [a, b] = [await rowsOfModel(`opset 17 ${plain}`), await rowsOfModel(`opset 17 ${moved}`)];
    expect(a.some((x) => x !== 0)).toBe(true);
    expect(b).toHaveLength(a.length);
    for (const [i, x] of a.entries()) expect(b[i]).toBeCloseTo(x, 4);
  });
});
