import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { UnsupportedOpError } from '../../errors/errors.ts';
import { printModelText } from '../../onnx/print-text.ts';
import { parseModelText } from '../../onnx/text.ts';
import { float32 } from '../../tensor/tensor.ts';
import { validateGraph } from '../validate-graph.ts';
import { LIFTED_OPSET, liftOpset } from './lift-opset.ts';

/** Graphs that onnxruntime runs before and after: [what, opset, text]. */
const RUNNABLE: readonly (readonly [string, number, string])[] = [
  ['Squeeze axes', 11, 'input x: float32[1,3,1,4] y = Squeeze(x) { axes: [0, -2] } output y'],
  ['Squeeze without axes', 11, 'input x: float32[1,3,1,4] y = Squeeze(x) output y'],
  ['Unsqueeze axes', 11, 'input x: float32[3,4] y = Unsqueeze(x) { axes: [0, -1] } output y'],
  ['ReduceSum axes', 11, 'input x: float32[2,3,4] y = ReduceSum(x) { axes: [1], keepdims: 0 } output y'],
  ['ReduceSum of everything', 1, 'input x: float32[2,3,4] y = ReduceSum(x) output y'],
  ['ReduceMean keeps its attribute', 11, 'input x: float32[2,3,4] y = ReduceMean(x) { axes: [1, 2] } output y'],
  ['Split sizes', 11, 'input x: float32[2,5] y, z = Split(x) { axis: 1, split: [2, 3] } output y, z'],
  ['Split into equal parts', 11, 'input x: float32[2,6] y, z = Split(x) { axis: 1 } output y, z'],
  [
    'Slice attributes',
    9,
    'input x: float32[4,5] y = Slice(x) { axes: [1], starts: [1], ends: [9223372036854775807] } output y',
  ],
  ['Slice without axes', 1, 'input x: float32[4,5] y = Slice(x) { starts: [1, 0], ends: [-1, 3] } output y'],
  ['TopK of opset 1', 1, 'input x: float32[4,5] y, i = TopK(x) { k: 2, axis: 1 } output y, i'],
  ['Softmax on the last axis', 9, 'input x: float32[2,5] y = Softmax(x) output y'],
  ['Softmax over what follows', 9, 'input x: float32[2,3,4,2] y = Softmax(x) output y'],
  ['Softmax before ones', 9, 'input x: float32[2,3,1,1] y = Softmax(x) { axis: 1 } output y'],
  ['Softmax at a negative axis', 11, 'input x: float32[N,3,4] y = Softmax(x) { axis: -2 } output y'],
  ['Softmax from the first axis', 11, 'input x: float32[2,3,4] y = Softmax(x) { axis: 0 } output y'],
  ['LogSoftmax', 11, 'input x: float32[N,3,4] y = LogSoftmax(x) output y'],
  ['Hardmax', 11, 'input x: float32[N,3,4] y = Hardmax(x) output y'],
  [
    'Softmax of unknown rank',
    11,
    'input x: float32[2,12] const s: int64[3] = [2,3,4] r = Reshape(x, s) y = Softmax(r) output y',
  ],
  ['Cast keeps its number', 6, 'input x: float32[2,3] y = Cast(x) { to: 7 } output y'],
  ['Clip of both bounds', 6, 'input x: float32[2,3] y = Clip(x) { min: -0.5, max: 0.25 } output y'],
  ['Clip of one bound', 6, 'input x: float32[2,3] y = Clip(x) { max: 0.25 } output y'],
  [
    'Clip of doubles',
    6,
    'input x: float32[2,3] d = Cast(x) { to: 11 } e = Cast(d) { to: 1 } y = Clip(e) { min: 0.0 } output y',
  ],
  ['Pad attributes', 2, 'input x: float32[2,3] y = Pad(x) { pads: [0, 1, 0, 2], value: 1.5 } output y'],
  ['Pad by reflection', 2, 'input x: float32[2,3] y = Pad(x) { pads: [0, 1, 0, 2], mode: "reflect" } output y'],
  ['Dropout', 7, 'input x: float32[2,3] y = Dropout(x) { ratio: 0.5 } output y'],
  [
    'BatchNormalization',
    7,
    `input x: float32[2,3,4,4] const s: float32[3] = [1,2,3] const b: float32[3] = [0,1,2] const m: float32[3] = random(1)
     const v: float32[3] = [1,2,3] y = BatchNormalization(x, s, b, m, v) { epsilon: 0.01, spatial: 1 } output y`,
  ],
  [
    'Upsample by attribute',
    7,
    'input x: float32[1,2,3,4] y = Upsample(x) { scales: [1.0, 1.0, 2.0, 1.5], mode: "nearest" } output y',
  ],
  [
    'Upsample by input',
    9,
    'input x: float32[1,2,3,4] const s: float32[4] = [1,1,2,3] y = Upsample(x, s) { mode: "linear" } output y',
  ],
  [
    'Upsample by an input that is fed',
    9,
    'input x: float32[1,2,3,4] k = Constant() { value: float32[4] = [1,1,2,2] } y = Upsample(x, k) output y',
  ],
  [
    'Resize that grows',
    10,
    'input x: float32[1,2,5,7] const s: float32[4] = [1,1,1.6,2.5] y = Resize(x, s) { mode: "nearest" } output y',
  ],
  [
    'Resize that shrinks',
    10,
    'input x: float32[1,2,9,7] const s: float32[4] = [1,1,0.6,0.5] y = Resize(x, s) { mode: "nearest" } output y',
  ],
  [
    'linear Resize',
    10,
    'input x: float32[1,2,5,7] const s: float32[4] = [1,1,1.6,0.5] y = Resize(x, s) { mode: "linear" } output y',
  ],
  [
    'Scatter',
    9,
    'input x: float32[3,3] const i: int64[1,2] = [1, 2] const u: float32[1,2] = [7, 8] y = Scatter(x, i, u) output y',
  ],
  [
    'AveragePool without padding in the count',
    7,
    'input x: float32[1,1,4,4] y = AveragePool(x) { kernel_shape: [3,3], pads: [1,1,1,1] } output y',
  ],
  ['ImageScaler', 7, 'input x: float32[2,3,4,4] y = ImageScaler(x) { scale: 2.0, bias: [1.0, 2.0, 3.0] } output y'],
  ['Affine', 7, 'input x: float32[2,3] y = Affine(x) { alpha: 2.0, beta: 1.0 } output y'],
  ['Crop of borders', 7, 'input x: float32[1,2,6,7] y = Crop(x) { border: [1, 2, 0, 1] } output y'],
  ['Crop to a size', 7, 'input x: float32[1,2,6,7] y = Crop(x) { border: [1, 2, 0, 0], scale: [3, 4] } output y'],
  ['ParametricSoftplus', 7, 'input x: float32[2,3] y = ParametricSoftplus(x) { alpha: 2.0, beta: 0.5 } output y'],
  ['ScaledTanh', 7, 'input x: float32[2,3] y = ScaledTanh(x) { alpha: 2.0, beta: 0.5 } output y'],
  [
    'a branch of If',
    11,
    `input x: float32[2,3] const c: bool[] = 1
     y = If(c) { then_branch: { t = Unsqueeze(x) { axes: [0] } output t }, else_branch: { e = Squeeze(x) output e } } output y`,
  ],
];

/** Graphs of opsets that onnxruntime no longer runs: [what, opset, text, lifted statements]. */
const REWRITTEN: readonly (readonly [string, number, string, readonly string[]])[] = [
  ['Concat', 1, 'input x: float32[2,3] y = Concat(x, x) output y', ['{ axis: 1 }']],
  [
    'broadcasting along an axis',
    6,
    'input x: float32[2,3,4,5] const b: float32[3] = ones y = Add(x, b) { broadcast: 1, axis: 1 } output y',
    ['const b: float32[3]', '= [1, 2]', '= Unsqueeze(b, ', 'y = Add(x, Unsqueeze~2)'],
  ],
  [
    'broadcasting along an axis after a convolution of undeclared shape',
    6,
    `input x: float32[N,3,8,8] const w: float32[2,3,3,3] = zeros const b: float32[2] = ones
     c = Conv(x, w) r = Relu(c) y = Mul(r, b) { broadcast: 1, axis: 1 } output y`,
    ['= [1, 2]', '= Unsqueeze(b, '],
  ],
  [
    'broadcasting at the end',
    6,
    'input x: float32[2,3] const b: float32[3] = ones y = Sub(x, b) { broadcast: 1 } output y',
    ['y = Sub(x, b)\n'],
  ],
  [
    'comparing',
    1,
    'input x: float32[2,3] const b: float32[2] = ones y = Less(x, b) { broadcast: 1, axis: 0 } output y',
    ['= [1]', 'y = Less(x, '],
  ],
  ['consumed inputs', 1, 'input x: float32[2,3] y = Relu(x) { consumed_inputs: [0] } output y', ['y = Relu(x)\n']],
  [
    'PRelu by channel',
    6,
    'input x: float32[2,3,4,4] const a: float32[3] = 0.1 y = PRelu(x, a) output y',
    ['= [1, 2]', '= Unsqueeze(a, '],
  ],
  [
    'PRelu of one slope',
    6,
    'input x: float32[2,3,4,4] const a: float32[1] = 0.1 y = PRelu(x, a) output y',
    ['y = PRelu(x, a)\n'],
  ],
  [
    'Gemm',
    6,
    'input x: float32[2,3] const w: float32[3,4] = ones const b: float32[4] = ones y = Gemm(x, w, b) { broadcast: 1, transB: 0 } output y',
    ['Gemm(x, w, b) { transB: 0 }'],
  ],
  ['Cast by name', 1, 'input x: float32[2,3] y = Cast(x) { to: "DOUBLE" } output y', ['y = Cast(x) { to: 11 }']],
  [
    'Reshape by attribute',
    1,
    'input x: float32[2,3] y = Reshape(x) { shape: [3, -1] } output y',
    ['= [3, -1]', 'y = Reshape(x, '],
  ],
  [
    'Tile along one axis',
    1,
    'input x: float32[2,3] const n: float32[] = 4.0 const a: float32[] = 1.0 y = Tile(x, n, a) output y',
    ['= [1, 4]', 'y = Tile(x, '],
  ],
  [
    'Upsample of opset 1',
    1,
    'input x: float32[1,2,3,4] y = Upsample(x) { width_scale: 2.0, height_scale: 3.0, mode: "bilinear" } output y',
    ['= [1.0, 1.0, 3.0, 2.0]', 'mode: "linear"'],
  ],
  [
    'Pad of opset 1',
    1,
    'input x: float32[2,3] y = Pad(x) { paddings: [0, 1, 0, 2] } output y',
    ['= [0, 1, 0, 2]', 'y = Pad(x, '],
  ],
  ['Selu', 1, 'input x: float32[2,3] y = Selu(x) output y', ['alpha: 1.6732, gamma: 1.0507']],
  ['Dropout at test time', 1, 'input x: float32[2,3] y, m = Dropout(x) { is_test: 1 } output y', ['y = Identity(x)\n']],
  ['LpPool', 1, 'input x: float32[1,1,4,4] y = LpPool(x) { kernel_shape: [2,2], p: 3.0 } output y', ['p: 3 }']],
  [
    'LSTM',
    6,
    'input x: float32[2,1,3] const w: float32[1,8,3] = ones const r: float32[1,8,2] = ones y = LSTM(x, w, r) { hidden_size: 2, output_sequence: 1 } output y',
    ['{ hidden_size: 2 }'],
  ],
  [
    'RoiAlign',
    15,
    'input x: float32[1,1,4,4] const r: float32[1,4] = [0,0,3,3] const b: int64[1] = [0] y = RoiAlign(x, r, b) output y',
    ['"output_half_pixel"'],
  ],
  ['Scale', 7, 'input x: float32[2,3] y = Scale(x) { scale: 2.0 } output y', ['y = Mul(x, ']],
  [
    'half floats',
    6,
    'input x: float16[2,3] y = Clip(x) { max: 1.0 } output y',
    ['= CastLike(', 'y = Clip(x, , CastLike~2)'],
  ],
];

describe('liftOpset', () => {
  it.each(RUNNABLE)('keeps the outputs of %s (opset %i)', async (_, opset, text) => {
    const model = parseModelText(`opset ${opset} ${text}`);
    const lifted = liftOpset(model);
    expect(lifted.opsets.get('')).toBe(LIFTED_OPSET);
    expect(await outputGap(model, lifted, randomFeeds(model, 3))).toBeLessThan(1e-6);
    expect(liftOpset(lifted)).toBe(lifted);
  });

  it.each(REWRITTEN)('rewrites %s (opset %i)', async (_, opset, text, statements) => {
    const lifted = liftOpset(parseModelText(`opset ${opset} ${text}`));
    const printed = printModelText(lifted, { limit: 4 });
    for (const statement of statements) expect(printed).toContain(statement);
    const session = await onnxruntimeNode.createSession(lifted);
    await session.release();
  });

  it('broadcasts a bias of opset 6 along the channels', async () => {
    const model = liftOpset(
      parseModelText(
        'opset 6 input x: float32[1,2,1,2] const b: float32[2] = [1, 10] y = Add(x, b) { broadcast: 1, axis: 1 } output y',
      ),
    );
    const session = await onnxruntimeNode.createSession(model);
    const outputs = await session.run(new Map([['x', float32([0, 1, 2, 3], [1, 2, 1, 2])]]));
    expect([...(outputs.get('y')?.data ?? [])]).toEqual([1, 2, 12, 13]);
    await session.release();
  });

  it('leaves opset 17 and later, and models without ai.onnx, as they are', () => {
    for (const opset of ['17', '24', 'ai.onnx.ml 1']) {
      const model = parseModelText(`opset ${opset} input x: float32[2] y = Relu(x) output y`);
      expect(liftOpset(model)).toBe(model);
    }
  });

  it('uses a captured rank for the plain form of Softmax', () => {
    const model = parseModelText('opset 9 input x: float32 y = Softmax(x) output y');
    const captured = new Map([['x', { type: 'float32' as const, dims: [2, 5] }]]);
    expect(liftOpset(model, captured).graph.nodes.map(({ op }) => op)).toEqual(['Softmax']);
    expect(liftOpset(model).graph.nodes.map(({ op }) => op)).toEqual(['Flatten', 'Softmax', 'Shape', 'Reshape']);
  });

  it('serves other batch sizes than the captured one', async () => {
    const model =
      parseModelText(`opset 9 input x: float32[N,3,4,2] a = Softmax(x) { axis: 2 } b = Squeeze(c) { axes: [1] }
      c = ReduceSum(a) { axes: [1] } s = Constant() { value: float32[3] = [1, 2, 3] } y = Upsample(b, s) { mode: "nearest" } output y`);
    const sorted = validateGraph(model);
    const captured = await capture(
      onnxruntimeNode,
      sorted,
      new Map([['x', float32(new Float32Array(24), [1, 3, 4, 2])]]),
    );
    const feeds = new Map([
      [
        'x',
        float32(
          Float32Array.from({ length: 120 }, (_, i) => Math.sin(i)),
          [5, 3, 4, 2],
        ),
      ],
    ]);
    expect(await outputGap(sorted, liftOpset(sorted, captured), feeds)).toBeLessThan(1e-6);
  });

  it('takes initializers out of the inputs of files before IR version 4', () => {
    const model = parseModelText(
      'ir 3 opset 8 input x: float32[2] input w: float32[2] const w: float32[2] = ones y = Add(x, w) output y',
    );
    const lifted = liftOpset(model);
    expect(lifted.irVersion).toBe(8);
    expect(lifted.graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(lifted.graph.constants.get('w')).toBe(model.graph.constants.get('w'));
  });

  it('gives new constants names that no subgraph uses', () => {
    const model = parseModelText(`opset 11 input x: float32[1,2] const c: bool[] = 1 u = Squeeze(x) { axes: [0] }
      y = If(c) { then_branch: { "ints~1" = Identity(x) output "ints~1" }, else_branch: { e = Neg(x) output e } } output y, u`);
    expect(liftOpset(model).graph.constants.has('ints~1')).toBe(false);
  });

  it('names all nodes without an equivalent at once', () => {
    const model = parseModelText(`opset 7 input x: float32[2,3] const s: float32[2,3] = ones
      a = BatchNormalization(x, s, s, s, s) { spatial: 0 } @first
      y, m = Dropout(a)
      z = ATen(y) @third
      output z, m`);
    expect(() => liftOpset(model)).toThrow(UnsupportedOpError);
    expect(() => liftOpset(model)).toThrow(
      /opset 7 to 17: node "first" \(BatchNormalization\): spatial = 0.*node "y" \(Dropout\): its mask is read; node "third" \(ATen\)/,
    );
  });

  it.each([
    [
      'spans unknown ranks',
      'opset 6 input x: float32 input b: float32 y = Add(x, b) { broadcast: 1, axis: 1 } output y',
      'ranks of its inputs are not known',
    ],
    [
      'has a slope of unknown shape',
      'opset 6 input x: float32 input a: float32 y = PRelu(x, a) output y',
      'the shape of its slope is not known',
    ],
    ['has a broken type name', 'opset 1 input x: float32 y = Cast(x) { to: "FLOT" } output y', '"FLOT" is not known'],
    [
      'grows and shrinks at once',
      'opset 10 input x: float32 const s: float32[2] = [2, 0.5] y = Resize(x, s) output y',
      'grows one dimension and shrinks another',
    ],
    ['is a batched Scan', 'opset 8 input x: float32 y = Scan(x) output y', 'runs over a batch'],
  ])('refuses a node that %s', (_, text, reason) => {
    expect(() => liftOpset(parseModelText(text))).toThrow(reason);
  });
});
