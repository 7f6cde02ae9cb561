import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeze } from '../engine/freeze.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import { constantOf, feedsOf, tensorOf } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { parseModelText } from '../onnx/text.ts';
import { random } from '../tensor/random.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { type CompileOptions, compileModel } from './compile.ts';
import { fuse } from './fuse.ts';
import { lower } from './lower/lower.ts';
import { makeRuntime } from './runtime/start.ts';
import { CheckedMemory, interpret } from './schedule/interpreter.cases.ts';
import { planMemory } from './schedule/memory.ts';
import { schedule } from './schedule/schedule.ts';

/** Inputs of the shapes that the text declares; whole numbers are small. */
function feedsFor({ graph }: Model, seed: number): Map<string, Tensor> {
  const rng = random(seed);
  return new Map(
    feedsOf(graph).map(({ name, type, shape }): [string, Tensor] => {
      const dims = (shape ?? []) as number[];
      const size = sizeOf(dims);
      if (type === 'int64')
        return [name, { type, dims, data: BigInt64Array.from({ length: size }, () => BigInt(rng.integer(4))) }];
      if (type === 'bool') return [name, { type, dims, data: Uint8Array.from({ length: size }, () => rng.integer(2)) }];
      return [name, { type: 'float32', dims, data: Float32Array.from({ length: size }, () => rng.normal()) }];
    }),
  );
}

/** Zeros a share of all float constants of two axes or more. */
function thinned(model: Model, share: number): Model {
  const rng = random(7);
  const constants = [...model.graph.constants].map(([name, constant]): [string, typeof constant] => {
    if (constant.type !== 'float32' || constant.dims.length < 2) return [name, constant];
    const tensor = tensorOf(constant);
    const data = Float32Array.from(tensor.data as Float32Array, (w) => (rng.uniform() < share ? 0 : w));
    return [name, constantOf({ ...tensor, data })];
  });
  return { ...model, graph: { ...model.graph, constants: new Map(constants) } };
}

/** The largest difference between a compiled model's outputs and onnxruntime's, over the largest output. */
async function difference(model: Model, options: CompileOptions = {}): Promise<number> {
  const feeds = feedsFor(model, 1);
  const { wasm } = compileModel(await freeze(onnxruntimeNode, model, feeds), options);
  expect(WebAssembly.validate(wasm)).toBe(true);
  const started = await makeRuntime().start(wasm);
  const session = await onnxruntimeNode.createSession(model);
  let worst = 0;
  for (const seed of [1, 2, 1]) {
    const inputs = feedsFor(model, seed);
    const wanted = await session.run(inputs);
    const found = started.run(Object.fromEntries([...inputs].map(([name, { data }]) => [name, data as Float32Array])));
    for (const [name, { data }] of wanted) {
      const [a, b] = [data as ArrayLike<number | bigint>, found[name] as unknown as ArrayLike<number | bigint>];
      expect(b.length).toBe(a.length);
      expect(b.constructor).toBe(a.constructor);
      const scale = Array.from(a, Number).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-20);
      for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(Number(a[i]) - Number(b[i])) / scale);
    }
  }
  await session.release();
  return worst;
}

const small = fc.integer({ min: 1, max: 3 });

describe('a compiled convolution', () => {
  const any = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.constantFrom(1, 1, 2),
    channels: small,
    filters: fc.integer({ min: 1, max: 6 }),
    size: fc.tuple(fc.integer({ min: 5, max: 19 }), fc.integer({ min: 5, max: 37 })),
    kernel: fc.tuple(small, small),
    strides: fc.tuple(small, small),
    dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    pads: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    share: fc.constantFrom(0, 0.5, 0.9, 1),
  });
  const pair = fc.constant<[number, number]>;
  const ofPlanes = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 4 }),
    channels: fc.constant(1),
    filters: fc.constant(1),
    size: fc.tuple(fc.integer({ min: 3, max: 12 }), fc.integer({ min: 3, max: 27 })),
    kernel: pair([3, 3]),
    strides: pair([2, 2]),
    dilations: pair([1, 1]),
    pads: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    share: fc.constantFrom(0, 0.2),
  });
  const shapes = fc.oneof({ arbitrary: any, weight: 3 }, { arbitrary: ofPlanes, weight: 1 });

  it('agrees with onnxruntime, whatever its shape and its zeros', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async ({ batch, groups, channels, filters, size, kernel, share, ...form }) => {
        const model = parseModelText(`
          input x: float32[${batch}, ${channels * groups}, ${size}]
          const w: float32[${filters * groups}, ${channels}, ${kernel}] = random(1)
          const b: float32[${filters * groups}] = random(2)
          c = Conv(x, w, b) { group: ${groups}, strides: [${form.strides}], dilations: [${form.dilations}], pads: [${form.pads}] }
          s = Sigmoid(c)
          y = Mul(c, s)
          output y
        `);
        expect(await difference(thinned(model, share))).toBeLessThan(2e-6);
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  it('touches nothing outside its buffers, and gives what the definition of its steps gives', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async ({ batch, groups, channels, filters, size, kernel, share, ...form }) => {
        const model = thinned(
          parseModelText(`
            input x: float32[${batch}, ${channels * groups}, ${size}]
            const w: float32[${filters * groups}, ${channels}, ${kernel}] = random(1)
            c = Conv(x, w) { group: ${groups}, strides: [${form.strides}], dilations: [${form.dilations}], pads: [${form.pads}] }
            y = Relu(c)
            output y
          `),
          share,
        );
        const feeds = feedsFor(model, 3);
        const frozen = await freeze(onnxruntimeNode, model, feeds);
        const lowered = lower(frozen);
        const plan = schedule(fuse(lowered.operations, new Set(lowered.outputs)), lowered.inputs, lowered.outputs);
        const memory = new CheckedMemory(planMemory(plan.lives, 0));
        const [[input], [output]] = [[...plan.inputs.values()], [...plan.outputs.values()]];
        const x = feeds.get('x')?.data as Float32Array;
        x.forEach((v, i) => {
          if (input) memory.write(input.buffer, input.offset + i, v);
        });
        interpret(plan.steps, memory);
        const started = await makeRuntime().start(compileModel(frozen).wasm);
        const found = started.run({ x }).y as Float32Array;
        found.forEach((v, i) => {
          if (output) expect(v).toBeCloseTo(memory.read(output.buffer, output.offset + i), 4);
        });
      }),
      { numRuns: 15, seed: 6 },
    );
  });
});

describe('a compiled chain of convolutions of planes and of places', () => {
  it('agrees with onnxruntime: tiles of all planes together, every other element, several pictures', async () => {
    for (const [batch, height, width] of [
      [1, 9, 11],
      [2, 12, 33],
      [2, 7, 8],
    ] as const) {
      const model = parseModelText(`
        input x: float32[${batch}, 3, ${height}, ${width}]
        const w1: float32[8, 3, 3, 3] = random(1)
        const w2: float32[12, 8, 1, 1] = random(2)
        const w3: float32[12, 1, 3, 3] = random(3)
        const w4: float32[12, 1, 3, 3] = random(4)
        const w5: float32[6, 12, 1, 1] = random(5)
        a = Conv(x, w1) { pads: [1, 1, 1, 1] }
        b = Relu(a)
        c = Conv(b, w2)
        d = Relu(c)
        e = Conv(d, w3) { pads: [1, 1, 1, 1], group: 12 }
        f = Add(e, d)
        g = Conv(f, w4) { pads: [0, 0, 1, 1], strides: [2, 2], group: 12 }
        h = Relu(g)
        i = Conv(h, w5)
        j = Conv(f, w5)
        output i
        output j
      `);
      for (const share of [0, 0.8]) expect(await difference(thinned(model, share))).toBeLessThan(3e-6);
    }
  });
});

describe('a compiled product', () => {
  it('of a sparse matrix agrees with onnxruntime, for one row and for many', async () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 9 }),
      k: fc.integer({ min: 1, max: 40 }),
      n: fc.integer({ min: 1, max: 24 }),
      share: fc.constantFrom(0, 0.5, 0.95, 1),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ rows, k, n, share }) => {
        const model = parseModelText(`
          input x: float32[${rows}, ${k}]
          const w: float32[${n}, ${k}] = random(1)
          const b: float32[${n}] = random(2)
          const v: float32[${n}, ${n}] = random(3)
          h = Gemm(x, w, b) { transB: 1 }
          r = Tanh(h)
          m = MatMul(r, v)
          y = Add(m, h)
          output y
        `);
        expect(await difference(thinned(model, share))).toBeLessThan(2e-6);
      }),
      { numRuns: 30, seed: 5 },
    );
  });
});

describe('a compiled product of two activations', () => {
  it('agrees with onnxruntime where columns are copied to lie side by side, and where they are not', async () => {
    for (const [rows, columns, depth] of [
      [17, 19, 5],
      [16, 16, 8],
      [33, 8, 35],
      [3, 40, 4],
    ] as const) {
      const model = parseModelText(`
        input q: float32[2, ${rows}, ${depth}]
        input k: float32[2, ${columns}, ${depth}]
        input v: float32[2, ${columns}, 8]
        t = Transpose(k) { perm: [0, 2, 1] }
        a = MatMul(q, t)
        s = Softmax(a) { axis: -1 }
        y = MatMul(s, v)
        output a
        output y
      `);
      expect(await difference(model)).toBeLessThan(3e-6);
    }
  });

  it('of long rows agrees with onnxruntime, and so do their largest elements', async () => {
    const model = parseModelText(`
      input x: float32[3, 71]
      m = ReduceMax(x) { axes: [1], keepdims: 1 }
      n = ReduceMean(x) { axes: [1], keepdims: 1 }
      output m
      output n
    `);
    expect(await difference(model)).toBeLessThan(2e-6);
  });
});

describe('compiled attention', () => {
  const TEXT = `
    input q: float32[2, 9, 8]
    input k: float32[2, 8, 11]
    input v: float32[2, 11, 6]
    input mask: float32[9, 11]
    const scale: float32[] = [0.35]
    a = MatMul(q, k)
    b = Mul(a, scale)
    c = Add(b, mask)
    s = Softmax(c)
    y = MatMul(s, v)
    output y
  `;

  it('scales and masks within the first product and divides after the second', async () => {
    const model = parseModelText(TEXT);
    const { steps } = compileModel(await freeze(onnxruntimeNode, model, feedsFor(model, 1)));
    expect(steps.map(({ label }) => label)).toEqual(['c', 's', 's', 's', 'y']);
    expect(await difference(model)).toBeLessThan(3e-6);
  });

  it('gives what onnxruntime gives where elements are masked by minus infinity, and where one is no number', async () => {
    const model = parseModelText(TEXT);
    const feeds = feedsFor(model, 1);
    const mask = feeds.get('mask')?.data as Float32Array;
    mask.fill(Number.NEGATIVE_INFINITY, 3, 11);
    mask[13] = Number.NaN;
    const started = await makeRuntime().start(compileModel(await freeze(onnxruntimeNode, model, feeds)).wasm);
    const session = await onnxruntimeNode.createSession(model);
    const wanted = (await session.run(feeds)).get('y')?.data as Float32Array;
    const found = started.run(Object.fromEntries([...feeds].map(([name, { data }]) => [name, data as Float32Array])))
      .y as Float32Array;
    await session.release();
    expect(wanted.some(Number.isNaN)).toBe(true);
    found.forEach((y, i) => {
      if (Number.isNaN(wanted[i])) expect(y).toBeNaN();
      else expect(y).toBeCloseTo(wanted[i] as number, 5);
    });
  });
});

describe('a compiled convolution down to one pixel', () => {
  it('agrees with onnxruntime at every share of zeros, grouped or not', async () => {
    for (const group of [1, 2])
      for (const share of [0, 0.4, 0.9]) {
        const model = parseModelText(`
          input x: float32[1, 4, 3, 3]
          const w: float32[8, ${4 / group}, 3, 3] = random(1)
          const b: float32[8] = random(2)
          c = Conv(x, w, b) { group: ${group} }
          r = Relu(c)
          const u: float32[8, 8, 1, 1] = random(3)
          d = Conv(r, u)
          y = Add(c, d)
          output y
        `);
        expect(await difference(thinned(model, share))).toBeLessThan(2e-6);
      }
  });
});

describe('a compiled residual network', () => {
  const NET = `
    input x: float32[1, 3, 12, 10]
    const w1: float32[8, 3, 3, 3] = random(1)
    const w2: float32[8, 8, 3, 3] = random(2, 0.2)
    const w3: float32[16, 8, 3, 3] = random(3, 0.2)
    const w4: float32[16, 8, 1, 1] = random(4, 0.2)
    const s: float32[8] = random(5)
    const b: float32[8] = random(6)
    const m: float32[8] = random(7)
    const v: float32[8] = ones
    const w5: float32[16, 5] = random(8)
    c1 = Conv(x, w1) { pads: [1, 1, 1, 1] }
    n1 = BatchNormalization(c1, s, b, m, v)
    r1 = Relu(n1)
    c2 = Conv(r1, w2) { pads: [1, 1, 1, 1] }
    a2 = Add(c2, r1)
    r2 = Relu(a2)
    c3 = Conv(r2, w3) { pads: [1, 1, 1, 1], strides: [2, 2] }
    c4 = Conv(r2, w4) { strides: [2, 2] }
    a3 = Add(c3, c4)
    r3 = Relu(a3)
    g = GlobalAveragePool(r3)
    f = Flatten(g)
    l = MatMul(f, w5)
    y = Softmax(l)
    output y
  `;

  it('agrees with onnxruntime at every share of zeros, run after run', async () => {
    for (const share of [0, 0.6, 0.9, 1])
      expect(await difference(thinned(parseModelText(NET), share))).toBeLessThan(1e-5);
  });

  it('has normalisation, residuals and activations in the convolutions', async () => {
    const model = parseModelText(NET);
    const { steps } = compileModel(await freeze(onnxruntimeNode, model, feedsFor(model, 1)));
    expect(steps.filter(({ kind }) => kind === 'sums')).toHaveLength(4);
    expect(steps.filter(({ kind }) => kind === 'nest').map(({ label }) => label)).toEqual([
      'r1: layout',
      ...new Array(4).fill('c4: phase'),
      'g',
      ...new Array(4).fill('y'),
    ]);
  });

  it('stores weights in half floats and in whole numbers of eight bits', async () => {
    const model = thinned(parseModelText(NET), 0.5);
    const frozen = await freeze(onnxruntimeNode, model, feedsFor(model, 1));
    const sizes = (['f32', 'f16', 'int8'] as const).map((weights) => compileModel(frozen, { weights }).wasm.length);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(await difference(model, { weights: 'f16' })).toBeLessThan(2e-3);
    expect(await difference(model, { weights: 'int8' })).toBeLessThan(3e-2);
  });
});

const FAMILIES: Record<string, string> = {
  'pooling of all kinds': `
    input x: float32[2, 3, 9, 7]
    a = MaxPool(x) { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
    b = AveragePool(x) { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
    c = AveragePool(x) { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 }
    s = Sub(a, b)
    y = Add(s, c)
    output y`,
  'normalisation over axes': `
    input x: float32[2, 5, 12]
    const g: float32[12] = random(1)
    const b: float32[12] = random(2)
    n = LayerNormalization(x, g, b)
    y = Softmax(n) { axis: 1 }
    z = LogSoftmax(n)
    output y
    output z`,
  attention: `
    input x: float32[1, 6, 8]
    const q: float32[8, 8] = random(1)
    const k: float32[8, 8] = random(2)
    const s: int64[4] = [1, 6, 2, 4]
    a = MatMul(x, q)
    b = MatMul(x, k)
    c = Reshape(a, s)
    d = Reshape(b, s)
    e = Transpose(c) { perm: [0, 2, 1, 3] }
    f = Transpose(d) { perm: [0, 2, 3, 1] }
    p = MatMul(e, f)
    w = Softmax(p)
    y = MatMul(w, e)
    output y`,
  'moving and joining': `
    input x: float32[1, 4, 6, 5]
    const starts: int64[2] = [3, -1]
    const ends: int64[2] = [0, -9]
    const axes: int64[2] = [1, 3]
    const steps: int64[2] = [-1, -2]
    const pads: int64[8] = [0, 0, 1, 2, 0, 0, 3, 1]
    s = Slice(x, starts, ends, axes, steps)
    p, q = Split(x) { axis: 1 }
    c = Concat(p, q, p) { axis: 1 }
    d = Pad(c, pads) { mode: "reflect" }
    e = Pad(d, pads)
    t = Transpose(s) { perm: [0, 2, 3, 1] }
    output t
    output e`,
  'parts that are written again': `
    input x: float32[2, 4, 6]
    input u: float32[2, 2, 3]
    input v: float32[2, 4, 6]
    const grid: int64[2, 2, 3, 3] = [0, 1, 0, 0, 1, 2, 0, 1, 4, 0, 2, 0, 0, 2, 2, 0, 2, 4, 1, 1, 0, 1, 1, 2, 1, 1, 4, 1, 2, 0, 1, 2, 2, 1, 2, 4]
    const rows: int64[2, 1] = [-1, 0]
    a = ScatterND(x, grid, u)
    b = ScatterND(a, rows, v)
    output a
    output b`,
  'transposed convolutions whose automatic padding is less than nothing': `
    input x: float32[1, 2, 4, 5]
    const w: float32[2, 3, 1, 1] = random(1)
    const b: float32[3] = random(2)
    a = ConvTranspose(x, w, b) { strides: [2, 2], auto_pad: "SAME_UPPER" }
    r = Relu(a)
    output r`,
  'pictures of other sizes': `
    input x: float32[1, 2, 5, 6]
    const up: float32[4] = [1.0, 1.0, 2.0, 2.0]
    const odd: float32[4] = [1.0, 1.0, 1.7, 0.6]
    a = Resize(x, , up) { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" }
    b = Resize(x, , odd) { mode: "linear" }
    c = Resize(x, , up) { mode: "linear", coordinate_transformation_mode: "align_corners" }
    d = Resize(x, , odd)
    output a
    output b
    output c
    output d`,
  'convolutions that enlarge': `
    input x: float32[1, 4, 5, 4]
    const w: float32[4, 3, 3, 2] = random(1)
    const v: float32[4, 1, 4, 4] = random(2)
    a = ConvTranspose(x, w) { strides: [2, 3], pads: [1, 0, 1, 0], output_padding: [1, 0] }
    b = ConvTranspose(x, v) { strides: [2, 2], pads: [1, 1, 1, 1], group: 4 }
    output a
    output b`,
  'recurrent layers in both directions': `
    input x: float32[5, 2, 3]
    input h: float32[2, 2, 4]
    const w: float32[2, 16, 3] = random(1)
    const r: float32[2, 16, 4] = random(2)
    const b: float32[2, 32] = random(3)
    const gw: float32[1, 12, 4] = random(4)
    const gr: float32[1, 12, 4] = random(5)
    const gb: float32[1, 24] = random(6)
    const two: int64[1] = [1]
    y, yh, yc = LSTM(x, w, r, b, , h) { hidden_size: 4, direction: "bidirectional" }
    l = ReduceSum(y, two) { keepdims: 0 }
    a = GRU(l, gw, gr, gb) { hidden_size: 4, linear_before_reset: 1 }
    c = GRU(l, gw, gr, gb) { hidden_size: 4, direction: "reverse" }
    output a
    output c
    output yh
    output yc`,
  'embeddings and whole numbers': `
    input i: int64[2, 5]
    const table: float32[4, 6] = random(1)
    const one: int64[] = [1]
    const depth: int64[] = [4]
    const values: float32[2] = [0.0, 1.0]
    e = Gather(table, i)
    o = OneHot(i, depth, values)
    s = Add(i, one)
    c = Greater(s, i)
    f = Cast(s) { to: 1 }
    m = ReduceMax(f) { axes: [1] }
    output e
    output o
    output s
    output c
    output m`,
  activations: `
    input x: float32[3, 7]
    const slope: float32[7] = random(1)
    a = PRelu(x, slope)
    b = LeakyRelu(a)
    c = Elu(x)
    d = HardSigmoid(x)
    e = Softplus(x)
    f = Erf(x)
    g = Sum(b, c, d, e, f)
    const p: float32[] = [2.0]
    h = Pow(g, p)
    y = Sqrt(h)
    output y`,
};

describe('compiled operators', () => {
  it.each(Object.entries(FAMILIES))('%s agree with onnxruntime', async (_, text) => {
    expect(await difference(parseModelText(text))).toBeLessThan(5e-6);
  });
});

describe('what cannot be compiled', () => {
  it('is refused by name, all of it at once', async () => {
    const model = parseModelText(`
      input x: float32[1, 2, 4, 4]
      a = Relu(x)
      c = NonZero(a) @others
      b = NonZero(x) @places
      y = Relu(a)
      output y
      output b
      output c
    `);
    const feeds = feedsFor(model, 1);
    const frozen = await freeze(onnxruntimeNode, model, feeds);
    expect(() => compileModel(frozen)).toThrow(UnsupportedOpError);
    expect(() => compileModel(frozen)).toThrow(/"others" \(NonZero\).*"places" \(NonZero\)/);
  });
});

describe('a started model', () => {
  const TEXT = `
    input x: float32[1, 3]
    const w: float32[3, 2] = random(1)
    y = MatMul(x, w)
    output y
  `;

  it('says what is wrong with its inputs', async () => {
    const model = parseModelText(TEXT);
    const { start, CompiledModelError } = makeRuntime();
    const started = await start(compileModel(await freeze(onnxruntimeNode, model, feedsFor(model, 1))).wasm);
    expect(() => started.run({})).toThrow(CompiledModelError);
    expect(() => started.run({ x: new Float32Array(4) })).toThrow(/3 elements of \[1,3\], current value is 4 elements/);
    expect(() => started.run({ x: new Int32Array(3) })).toThrow(/a Float32Array/);
    expect(() => started.run({ x: new Float32Array(3), z: new Float32Array(1) })).toThrow(/no input "z"/);
  });

  it('has memory of its own', async () => {
    const model = parseModelText(TEXT);
    const { start } = makeRuntime();
    const { wasm } = compileModel(await freeze(onnxruntimeNode, model, feedsFor(model, 1)));
    const [a, b] = await Promise.all([start(wasm), start(wasm)]);
    const [one, two] = [a.run({ x: Float32Array.of(1, 0, 0) }), b.run({ x: Float32Array.of(0, 1, 0) })];
    expect(one.y).not.toEqual(two.y);
    expect(a.run({ x: Float32Array.of(1, 0, 0) })).toEqual(one);
  });
});
