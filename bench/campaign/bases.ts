import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import * as pb from '../../src/onnx/onnx_pb.ts';
import { parseModelText } from '../../src/onnx/text.ts';
import { madeBases } from './made-bases.ts';
import type { Base } from './mutants.ts';

/** Small models of every kind that files come in. */
const TEXTS: Readonly<Record<string, string>> = {
  convolutions: `
    input x: float32[N,2,6,6]
    const w: float32[4,2,3,3] = random(1)  const b: float32[4] = random(2)
    const s: float32[4] = ones  const o: float32[4] = zeros  const m: float32[4] = random(3, 0.1)  const v: float32[4] = ones
    const d: float32[4,1,3,3] = random(4)  const t: float32[4,2,2,2] = random(5)  const g: float32[3,32] = random(6)
    c = Conv(x, w, b) { kernel_shape: [3,3], strides: [2,2], pads: [1,1,1,1] } @"first"
    n = BatchNormalization(c, s, o, m, v) { epsilon: 0.001 }  r = Relu(n)
    e = Conv(r, d) { group: 4, auto_pad: "SAME_UPPER" }  u = ConvTranspose(e, t) { strides: [2,2] }
    p = AveragePool(u) { kernel_shape: [2,2], strides: [2,2] }  q = GlobalMaxPool(p)
    a = MaxPool(u) { kernel_shape: [3,3], strides: [2,2], ceil_mode: 0 }  h = Concat(a, p) { axis: 1 }
    k = Flatten(h)  z = Shape(q)  const i: int64[2] = [0, -1]  const f: float32[36,3] = random(7)
    l = Slice(k, start, end, axes)  const start: int64[1] = [0] const end: int64[1] = [36] const axes: int64[1] = [1]
    y = MatMul(l, f)
    output y: float32[N,3]
    output q`,
  sequences: `
    input tokens: int64[N,5]
    const table: float32[11,6] = random(1)  const wl: float32[1,16,6] = random(2)  const rl: float32[1,16,4] = random(3)
    const bl: float32[1,32] = random(4)  const wg: float32[2,9,4] = random(5)  const rg: float32[2,9,3] = random(6)
    e = Gather(table, tokens)  t = Transpose(e) { perm: [1,0,2] }
    s, h, c = LSTM(t, wl, rl, bl) { hidden_size: 4 }  const ax: int64[1] = [1]
    q = Squeeze(s, ax)  g = GRU(q, wg, rg) { hidden_size: 3, direction: "bidirectional", linear_before_reset: 1 }
    m = ReduceMean(g, ax0) { keepdims: 0 }  const ax0: int64[1] = [0]  output m  output h`,
  attention: `
    opset 18
    input x: float32[N,4,8]
    const q: float32[8,8] = random(1) const k: float32[8,8] = random(2) const v: float32[8,8] = random(3) const f: float32[8,16] = random(4)
    const sc: float32[8] = ones const bi: float32[8] = zeros const d: float32[] = [2.828]
    n = LayerNormalization(x, sc, bi) { axis: -1 }
    a = MatMul(n, q) b = MatMul(n, k) c = MatMul(n, v) t = Transpose(b) { perm: [0,2,1] }
    s = MatMul(a, t) r = Div(s, d) w = Softmax(r) { axis: -1 } o = MatMul(w, c) p = Add(o, x)
    e = Einsum(p, f) { equation: "bij,jk->bik" } g = Gelu2(e) @"made up"
    output p: float32[N,4,8] output w`,
  branches: `
    input x: float32[N,4]
    const w: float32[4,4] = random(1) const c: bool[] = [1] const n: int64[] = [3]
    h = MatMul(x, w)
    y = If(c) { then_branch: { const inner: float32[4,4] = random(2) a = MatMul(h, inner) output a }, else_branch: { b = Neg(h) output b } }
    z = Loop(n, c, y) { body: { input i: int64[] input keep: bool[] input state: float32[N,4]
      next = Relu(state) more = Identity(keep) output more output next } }
    output z: float32[N,4]`,
  quantised: `
    opset 21
    input x: float32[N,1,5,5]
    const xs: float32[] = [0.02] const xz: uint8[] = [128] const w: int8[2,1,3,3] = range const ws: float32[2] = [0.1, 0.2] const wz: int8[2] = zeros
    const g: uint8[8,3] = range const gs: float32[] = [0.05] const gz: uint8[] = [10]
    q = QuantizeLinear(x, xs, xz) d = DequantizeLinear(q, xs, xz) k = DequantizeLinear(w, ws, wz) { axis: 0 }
    c = Conv(d, k) { strides: [2,2] } r = Relu(c) f = Flatten(r) m = DequantizeLinear(g, gs, gz) y = MatMul(f, m)
    output y: float32[N,3]`,
  halves: `
    input x: float16[N,4]
    const w: float16[4,6] = random(1) const b: float16[6] = random(2) const v: float64[6,2] = random(3)
    h = MatMul(x, w) a = Add(h, b) r = Relu(a) c = Cast(r) { to: 11 } y = MatMul(c, v)
    output y: float64[N,2]`,
  tied: `
    input x: float32[N,6]
    const w: float32[6,4] = random(1) const shape: int64[2] = [4, 6] const flat: float32[24] = random(2)
    h = MatMul(x, w) r = Tanh(h) t = Transpose(w) { perm: [1,0] } y = MatMul(r, t) m = Reshape(flat, shape) z = Gemm(y, m) { transB: 1, alpha: 0.5 }
    k = Constant() { value: float32[4,2] = random(3) } u = MatMul(z, k)
    output u: float32[N,2] output y`,
  trees: `
    opset 13 opset "ai.onnx.ml" 3
    input x: float32[N,3]
    const w: float32[3,3] = random(1)
    h = MatMul(x, w)
    y = "ai.onnx.ml":Normalizer(h) { norm: "L2" }
    z = "ai.onnx.ml":LinearRegressor(y) { coefficients: [1.0, 2.0, 3.0], intercepts: [0.5], targets: 1 }
    output z`,
  fused: `
    opset 17 opset com.microsoft 1
    input x: float32[N,2,4,4]
    const w: float32[3,2,3,3] = random(1) const v: float32[12,5] = random(2) const names: string[2] = ["a", "b"] const empty: float32[0,3] = []
    c = com.microsoft:FusedConv(x, w) { activation: "Relu", kernel_shape: [3,3] } f = Flatten(c)
    y = com.microsoft:FusedMatMul(f, v) { alpha: 0.5, transA: 0 } output y`,
};

function fromText([name, text]: readonly [string, string]): Base {
  const bytes = encodeModel(parseModelText(text));
  return { name, bytes, model: decodeModel(bytes) };
}

/** A model whose layer is a function of its own, and one whose weight is a sparse initializer. */
function fromMessages(): Base[] {
  const proto = (text: string): pb.ModelProto => fromBinary(pb.ModelProtoSchema, encodeModel(parseModelText(text)));
  const base = (name: string, model: pb.ModelProto): Base => {
    const bytes = toBinary(pb.ModelProtoSchema, model);
    return { name, bytes, model: decodeModel(bytes) };
  };
  const sparse = proto(
    'input x: float32[N,4] const w: float32[2] = [1.5, -2] const k: int64[2] = [1, 6] y = MatMul(x, w) output y',
  );
  const [values, indices] = sparse.graph?.initializer ?? [];
  if (sparse.graph !== undefined && values !== undefined && indices !== undefined) {
    sparse.graph.initializer = [];
    sparse.graph.sparseInitializer = [create(pb.SparseTensorProtoSchema, { values, indices, dims: [4n, 3n] })];
  }
  return [base('sparse', sparse)];
}

let bases: readonly Base[] | undefined;

/** The bases, made once. */
export function basesOf(): readonly Base[] {
  bases ??= [...Object.entries(TEXTS).map(fromText), ...fromMessages(), ...madeBases()];
  return bases;
}
