import type { Model } from '../src/ir/model.ts';
import { parseModelText } from '../src/onnx/text.ts';

/** Sizes of {@link tinyNet}. */
export interface TinyNetOptions {
  /** Sides of the pictures, of two channels. */
  readonly side: number;
  readonly filters: number;
  readonly stride: number;
  readonly hidden: number;
  readonly classes: number;
}

/** A convolution, and two linear layers behind it. */
export function tinyNet({ side, filters, stride, hidden, classes }: TinyNetOptions): Model {
  const cells = filters * Math.ceil(side / stride) ** 2;
  return parseModelText(`
    input x: float32[N, 2, ${side}, ${side}]
    const w1: float32[${filters}, 2, 3, 3] = random(1, 0.4)
    const b1: float32[${filters}] = random(2)
    const w2: float32[${cells}, ${hidden}] = random(3, ${1.8 / Math.sqrt(cells)})
    const w3: float32[${hidden}, ${classes}] = random(4)
    c = Conv(x, w1, b1) { strides: [${stride}, ${stride}], pads: [1, 1, 1, 1] }
    r = Relu(c)
    f = Flatten(r)
    h = MatMul(f, w2)
    t = Tanh(h)
    y = MatMul(t, w3)
    output y
  `);
}
