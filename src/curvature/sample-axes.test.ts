import { describe, expect, it } from 'vitest';
import { activePaths } from '../autodiff/backward.ts';
import { liftAndCapture } from '../engine/capture.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { keepsSamplesApart } from './sample-axes.ts';

/** Whether the samples of a model on x: [4, 3, 2] with a weight w stay apart. */
async function apart(body: string, weight = 'w'): Promise<boolean> {
  const text = `input x: float32[4,3,2] const w: float32[1,20,2] = random(1) const r: float32[1,20,5] = random(2)
    const v: float32[5,2] = random(3) ${body} output y`;
  const x = float32(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [4, 3, 2],
  );
  const { model, captured } = await liftAndCapture(onnxruntimeNode, parseModelText(text), new Map([['x', x]]));
  const targets = [weight, 'r', 'v'].filter((name) => model.graph.nodes.some(({ inputs }) => inputs.includes(name)));
  const { graph } = model;
  return keepsSamplesApart(graph, captured, activePaths(graph, captured, targets, ['y']), 4);
}

const LSTM = 'h, l = LSTM(t, w, r) { hidden_size: 5 }';
const IN = 't = Transpose(x) { perm: [1, 0, 2] }';

describe('keepsSamplesApart', () => {
  it('follows the samples into a recurrent layer and out again', async () => {
    const out = 'const one: int64[1] = [1] s = Squeeze(h, one) u = Tanh(s)';
    expect(await apart(`${IN} ${LSTM} ${out} y = Transpose(u) { perm: [1, 0, 2] }`)).toBe(true);
    expect(await apart(`${IN} ${LSTM} ${out} const last: int64[] = [2] y = Gather(u, last) { axis: 0 }`)).toBe(true);
    expect(await apart(`${IN} ${LSTM} const zero: int64[1] = [0] y = Squeeze(l, zero)`)).toBe(true);
  });

  it('takes no weight for samples', async () => {
    const transposed = 'const p: float32[4,2] = random(4) w2 = Transpose(p) y = MatMul(x, w2)';
    expect(await apart(transposed, 'p')).toBe(true);
  });

  it('refuses where steps are first, or nothing is known', async () => {
    expect(await apart(`t = Identity(x) ${LSTM} const zero: int64[1] = [0] y = Squeeze(l, zero)`)).toBe(false);
    expect(await apart(`${IN} ${LSTM} const one: int64[1] = [1] s = Squeeze(h, one) y = Softmax(s)`)).toBe(false);
    expect(await apart(`${IN} ${LSTM} const one: int64[1] = [1] s = Squeeze(h, one) y = MatMul(s, v)`)).toBe(false);
    expect(await apart(`${IN} ${LSTM} const one: int64[1] = [1] y = Squeeze(h, one)`)).toBe(false);
  });
});
