import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import type { ExternalPlace } from '../../src/onnx/encode-tensor.ts';
import { fileWith } from '../../src/onnx/functions.cases.ts';
import { parseModelText } from '../../src/onnx/text.ts';
import type { Base } from './mutants.ts';

/** Models as exporters write them: a detector, a language model, one of sound. */
const TEXTS: Readonly<Record<string, string>> = {
  detector: `
    opset 13
    input images: float32[1,3,16,16]
    const w0: float32[8,3,3,3] = random(1) const b0: float32[8] = zeros
    const w1: float32[8,1,3,3] = random(2) const b1: float32[8] = zeros const w2: float32[12,8,1,1] = random(3) const b2: float32[12] = zeros
    const s1: float32[3,12,1,1] = random(4) const s2: float32[12,3,1,1] = random(5) const six: float32[] = [6.0] const zero: float32[] = [0.0] const three: float32[] = [3.0]
    const l: float32[8,12,1,1] = random(6) const h: float32[15,20,1,1] = random(7) const hb: float32[15] = zeros
    const scales: float32[4] = [1, 1, 2, 2] const none: float32[0] = [] const order: int64[3] = [1, 5, -1] const parts: int64[3] = [2, 2, 1]
    c0 = Conv(images, w0, b0) { kernel_shape: [3,3], strides: [2,2], pads: [1,1,1,1] } @"/stem/conv/Conv"
    a0 = Clip(c0, zero, six) @"/stem/act/Clip"
    c1 = Conv(a0, w1, b1) { group: 8, kernel_shape: [3,3], strides: [2,2], pads: [1,1,1,1] } c2 = Conv(c1, w2, b2) { kernel_shape: [1,1] }
    p = GlobalAveragePool(c2) q = Conv(p, s1) r = Relu(q) t = Conv(r, s2) g = HardSigmoid(t) { alpha: 0.166667 } m = Mul(c2, g)
    u = Conv(m, l) { kernel_shape: [1,1] } v = Resize(u, none, scales) { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }
    x = Resize(m, none, scales) { mode: "linear", coordinate_transformation_mode: "pytorch_half_pixel" } y = Concat(v, x) { axis: 1 }
    z = Conv(y, h, hb) { kernel_shape: [1,1] } o = Reshape(z, shape) const shape: int64[4] = [1, 3, 5, -1] n = Transpose(o) { perm: [0, 1, 3, 2] }
    xy, wh, conf = Split(n, parts) { axis: 3 } e = Sigmoid(xy) f = Exp(wh) k = Sigmoid(conf) boxes = Concat(e, f, k) { axis: 3 }
    output boxes: float32[1,3,16,5]`,
  language: `
    opset 14
    input input_ids: int64[batch,sequence]
    const wte: float32[17,8] = random(1) const wpe: float32[32,8] = random(2) const g1: float32[8] = ones const o1: float32[8] = zeros
    const qkv: float32[8,24] = random(3) const qb: float32[24] = zeros const proj: float32[8,8] = random(4) const up: float32[8,16] = random(5) const down: float32[16,8] = random(6)
    const one: int64[] = [1] const zero: int64[] = [0] const step: int64[] = [1] const heads: int64[4] = [0, 0, 2, 4] const flat: int64[3] = [0, 0, 8] const thirds: int64[3] = [8, 8, 8]
    const half: float32[] = [0.5] const two: float32[] = [2.0] const eps: float32[] = [0.00001] const root: float32[] = [1.4142135] const unit: float32[] = [1.0]
    s = Shape(input_ids) t = Gather(s, one) { axis: 0 } r = Range(zero, t, step) p = Gather(wpe, r) e = Gather(wte, input_ids) x = Add(e, p)
    mean = ReduceMean(x) { axes: [-1] } d = Sub(x, mean) sq = Pow(d, two) var = ReduceMean(sq) { axes: [-1] } ve = Add(var, eps) sd = Sqrt(ve) nrm = Div(d, sd) sc = Mul(nrm, g1) ln = Add(sc, o1)
    a = MatMul(ln, qkv) ab = Add(a, qb) q, k, v = Split(ab, thirds) { axis: -1 }
    qh = Reshape(q, heads) qt = Transpose(qh) { perm: [0,2,1,3] } kh = Reshape(k, heads) kt = Transpose(kh) { perm: [0,2,3,1] } vh = Reshape(v, heads) vt = Transpose(vh) { perm: [0,2,1,3] }
    w = MatMul(qt, kt) wd = Div(w, two) tri = Trilu(wd) { upper: 0 } at = Softmax(tri) { axis: -1 } c = MatMul(at, vt) ct = Transpose(c) { perm: [0,2,1,3] } cf = Reshape(ct, flat)
    pr = MatMul(cf, proj) h = Add(pr, x) u = MatMul(h, up) er1 = Div(u, root) er2 = Erf(er1) er3 = Add(er2, unit) er4 = Mul(u, er3) gelu = Mul(er4, half) dn = MatMul(gelu, down) res = Add(dn, h)
    head = Transpose(wte) { perm: [1,0] } logits = MatMul(res, head)
    output logits: float32[batch,sequence,17]`,
  sound: `
    opset 11
    input audio: float32[N,1,64]
    const w: float32[6,1,8] = random(1) const b: float32[6] = random(2) const s: float32[6] = ones const o: float32[6] = zeros
    const wi: float32[2,12,6] = random(3) const r: float32[2,12,3] = random(4) const bi: float32[2,24] = random(5) const f: float32[6,4] = random(6) const c: float32[4] = zeros
    x = Conv(audio, w, b) { kernel_shape: [8], strides: [4], pads: [2,2] } n = InstanceNormalization(x, s, o) a = PRelu(n, slope) const slope: float32[6,1] = random(7)
    t = Transpose(a) { perm: [2,0,1] } y, last, cell = LSTM(t, wi, r, bi) { hidden_size: 3, direction: "bidirectional" }
    d = Transpose(y) { perm: [2,0,1,3] } e = Reshape(d, shape) const shape: int64[3] = [0, 0, -1] m = ReduceMax(e) { axes: [1], keepdims: 0 }
    z = Gemm(m, f, c) p = Softmax(z) { axis: 1 } output p: float32[N,4] output last`,
};

/** A model whose layers are functions of its own, called with attributes, one within another. */
function withFunctions(): Base {
  const text = `
    opset 17 opset own 1
    input x: float32[N,6] const w: float32[6,5] = random(1) const b: float32[5] = random(2) const v: float32[5,3] = random(3)
    h = own:Dense(x, w, b) { slope: 0.2 } y = own:Block(h, v) output y: float32[N,3]`;
  const bytes = fileWith(text, [
    {
      name: 'Dense',
      inputs: ['a', 'k', 'c'],
      outputs: ['out'],
      body: 'm = MatMul(a, k) s = Add(m, c) out = LeakyRelu(s) { alpha: "@slope" }',
      defaults: 'slope: 0.01',
    },
    {
      name: 'Block',
      inputs: ['a', 'k'],
      outputs: ['out'],
      body: 'z = Constant() { value: float32[3] = [0.1, 0.2, 0.3] } out = own:Dense(a, k, z)',
    },
  ]);
  return { name: 'functions', bytes, model: decodeModel(bytes) };
}

/** A model whose weights lie in a file beside it. */
function withExternalData(): Base {
  const model = parseModelText(`
    input x: float32[N,6] const w: float32[6,8] = random(1) const v: float32[8,4] = random(2) const b: float32[4] = random(3)
    h = MatMul(x, w) r = Relu(h) y = Gemm(r, v, b) output y: float32[N,4]`);
  const parts: Uint8Array[] = [];
  let offset = 0;
  const external = (name: string, raw: Uint8Array): ExternalPlace | undefined => {
    if (name === 'b') return undefined;
    const place = { location: EXTERNAL, offset, length: raw.byteLength };
    parts.push(raw);
    offset += raw.byteLength;
    return place;
  };
  const bytes = encodeModel(model, { external });
  const beside = Uint8Array.from(parts.flatMap((part) => [...part]));
  return { name: 'external', bytes, model, beside: { name: EXTERNAL, bytes: beside } };
}

const EXTERNAL = 'weights.bin';

/** Bases of more than one small file's worth of text. */
export function madeBases(): Base[] {
  const plain = Object.entries(TEXTS).map(([name, text]): Base => {
    const bytes = encodeModel(parseModelText(text));
    return { name, bytes, model: decodeModel(bytes) };
  });
  return [...plain, withFunctions(), withExternalData()];
}
