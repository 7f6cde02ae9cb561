import { expect, it } from 'vitest';
import { sparsity } from '../budget/budget.ts';
import { randomFeeds } from '../data/feeds.ts';
import { onnxruntimeNode as engine } from '../engine/onnxruntime.node.ts';
import { findWeights } from '../graph/weights.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { decided } from './decided.ts';

it('says of few rows what they know: no more directions than there are weights', async () => {
  const model = parseModelText(
    'opset 17 input x: float32[N, 4] const w: float32[4, 3] = random(1) y = MatMul(x, w) output y',
  );
  const said = async (count: number) => {
    const source = randomFeeds(model, { rng: random(1), count });
    const asked = { engine, source, budget: sparsity(0.5), method: 'chita' as const };
    return (await decided(model, asked, { layers: findWeights(model).prunable })).warnings.at(-1);
  };
  expect(await said(8)).toBe('8 gradient rows are few: the loss model knows 8 directions of 12');
  expect(await said(20)).toMatch(/^20 gradient rows are few: the loss model knows all 12 directions/);
});
