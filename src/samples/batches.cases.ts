/** A small network of four inputs and three outputs, and how the samples of a batch lie in it. */
export interface BatchCase {
  readonly name: string;
  /** In the text notation; the batch is open. */
  readonly text: string;
  /** Whether a sample gives the same whatever its batch. */
  readonly independent: boolean;
  /** Where the samples lie in the output. */
  readonly axis: number | null;
}

const WEIGHTS = `
  const W1: float32[4, 5] = random(1, 0.7)
  const W2: float32[5, 3] = random(2, 0.7)
`;

/** A network that does something to its inputs, hidden values or outputs. */
function network(lines: string, batch = 'N'): string {
  return `input x: float32[${batch}, 4]${WEIGHTS}${lines} output y`;
}

const ROWS = { independent: true, axis: 0 } as const;
const MIXED = { independent: false, axis: null } as const;

/** Networks that keep the samples apart: plainly, moved about, or stacked on the way. */
export const KEPT_APART: readonly BatchCase[] = [
  { name: 'layers', ...ROWS, text: network('a = MatMul(x, W1) h = Tanh(a) y = MatMul(h, W2)') },
  {
    name: 'samples along axis 1 on the way',
    ...ROWS,
    text: network(`t = Transpose(x) { perm: [1, 0] } v = Transpose(W1) { perm: [1, 0] } a = MatMul(v, t) h = Tanh(a)
      b = Transpose(h) { perm: [1, 0] } y = MatMul(b, W2)`),
  },
  {
    name: 'two copies stacked along axis 0',
    ...ROWS,
    text: network(`m = Neg(x) s = Concat(x, m) { axis: 0 } a = MatMul(s, W1) h = Tanh(a) z = MatMul(h, W2)
      z1, z2 = Split(z) { axis: 0 } r = Relu(z1) y = Add(r, z2)`),
  },
  {
    name: 'samples in the opposite order on the way',
    ...ROWS,
    text: network(`const from: int64[1] = [-1] const to: int64[1] = [-1000] const axis: int64[1] = [0] const step: int64[1] = [-1]
      m = Slice(x, from, to, axis, step) a = MatMul(m, W1) h = Tanh(a) b = Slice(h, from, to, axis, step) y = MatMul(b, W2)`),
  },
  {
    name: 'positions folded into axis 0, samples first',
    ...ROWS,
    text: network(`const fold: int64[2] = [-1, 2] const back: int64[2] = [-1, 4] const W0: float32[2, 2] = random(3)
      f = Reshape(x, fold) g = MatMul(f, W0) t = Tanh(g) b = Reshape(t, back) a = MatMul(b, W1) h = Tanh(a) y = MatMul(h, W2)`),
  },
  {
    name: 'positions folded into axis 0, positions first',
    ...ROWS,
    text: network(`const parts: int64[3] = [-1, 2, 2] const fold: int64[2] = [-1, 2] const halves: int64[3] = [2, -1, 2]
      const back: int64[2] = [-1, 4] const W0: float32[2, 2] = random(3)
      p = Reshape(x, parts) q = Transpose(p) { perm: [1, 0, 2] } f = Reshape(q, fold) g = MatMul(f, W0) t = Tanh(g)
      u = Reshape(t, halves) v = Transpose(u) { perm: [1, 0, 2] } b = Reshape(v, back)
      a = MatMul(b, W1) h = Tanh(a) y = MatMul(h, W2)`),
  },
  {
    name: 'positions first, as recurrent layers have them',
    ...ROWS,
    text: network(`const parts: int64[3] = [-1, 2, 2] const W0: float32[2, 4] = random(3) const axes: int64[1] = [0]
      p = Reshape(x, parts) q = Transpose(p) { perm: [1, 0, 2] } g = MatMul(q, W0) t = Tanh(g)
      s = ReduceSum(t, axes) { keepdims: 0 } a = MatMul(s, W1) h = Tanh(a) y = MatMul(h, W2)`),
  },
];

/** Networks in which a sample's outputs depend on its neighbours. */
export const MIXING: readonly BatchCase[] = [
  {
    name: 'softmax over the batch',
    ...MIXED,
    text: network('a = MatMul(x, W1) g = Softmax(a) { axis: 0 } h = Mul(g, a) y = MatMul(h, W2)'),
  },
  {
    name: "less the batch's mean",
    ...MIXED,
    text: network(
      'm = ReduceMean(x) { axes: [0] } c = Sub(x, m) a = MatMul(c, W1) h = Tanh(a) b = MatMul(h, W2) d = MatMul(x, W1) y0 = MatMul(d, W2) y = Add(b, y0)',
    ),
  },
  {
    name: "the batch's maximum",
    ...MIXED,
    text: network(
      'a = MatMul(x, W1) m = ReduceMax(a) { axes: [0] } h = Sub(a, m) g = Tanh(h) k = Add(g, a) y = MatMul(k, W2)',
    ),
  },
  {
    name: 'sums over the samples before',
    ...MIXED,
    text: network('const first: int64[1] = [0] a = MatMul(x, W1) s = CumSum(a, first) h = Tanh(s) y = MatMul(h, W2)'),
  },
  {
    name: 'products of samples',
    ...MIXED,
    text: network(
      't = Transpose(x) { perm: [1, 0] } p = MatMul(x, t) q = Tanh(p) r = MatMul(q, x) a = MatMul(r, W1) h = Tanh(a) y = MatMul(h, W2)',
    ),
  },
  {
    name: 'the batch taken for a channel',
    ...MIXED,
    text: network(`const up: int64[3] = [1, 1, -1] const back: int64[2] = [-1, 5] const scale: float32[1] = [1] const shift: float32[1] = [0]
      a = MatMul(x, W1) f = Reshape(a, up) n = InstanceNormalization(f, scale, shift) b = Reshape(n, back) y = MatMul(b, W2)`),
  },
  {
    name: 'softmax over what a Reshape brought together',
    ...MIXED,
    text: network(`const one: int64[3] = [1, -1, 5] const back: int64[2] = [-1, 5]
      a = MatMul(x, W1) q = Reshape(a, one) p = Softmax(q) { axis: 1 } b = Reshape(p, back) h = Mul(b, a) y = MatMul(h, W2)`),
  },
  {
    name: 'one row for the whole batch',
    ...MIXED,
    text: network('a = MatMul(x, W1) h = Tanh(a) z = MatMul(h, W2) y = ReduceMean(z) { axes: [0] }'),
  },
];

/** The same network for batches of one size. */
export function fixed(text: string, batch: number): string {
  return text.replace('float32[N, 4]', `float32[${batch}, 4]`);
}
