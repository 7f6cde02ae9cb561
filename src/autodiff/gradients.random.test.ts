import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  between,
  CHECKS,
  checkCase,
  checkLowered,
  distinct,
  drawCotangents,
  type GradientCase,
  nameOf,
  sample,
} from '../../test/gradient-check.ts';
import { EngineError, UnsupportedOpError } from '../errors/errors.ts';
import { LOWERINGS } from '../graph/passes/lower.ts';
import { float, operatorKey } from '../ir/access.ts';
import { random } from '../tensor/random.ts';
import { float32, int64 } from '../tensor/tensor.ts';
import { RULES } from './registry.ts';

/** Nodes of each family; `COPPICE_RUNS` asks for more. */
const RUNS = Number(process.env.COPPICE_RUNS ?? 10);

const upTo = (most: number, least = 0): fc.Arbitrary<number> => fc.integer({ min: least, max: most });
const oneOf = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** A number for each of some axes. */
const each = (axes: number, of: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
  fc.array(of, { minLength: axes, maxLength: axes });

interface Window {
  readonly cells: readonly number[];
  readonly attrs: Readonly<Record<string, number | number[] | string>>;
}

/** Sizes of a picture, and a kernel over it. */
const windows = (axes: number): fc.Arbitrary<Window> =>
  fc
    .record({
      cells: each(axes, upTo(9, 3)),
      kernel_shape: each(axes, upTo(4, 1)),
      strides: each(axes, upTo(3, 1)),
      dilations: each(axes, oneOf(1, 1, 2)),
      begin: each(axes, upTo(2)),
      end: each(axes, upTo(2)),
      auto_pad: oneOf('NOTSET', 'NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
    })
    .map(({ cells, begin, end, auto_pad, ...rest }) => ({
      cells,
      attrs: {
        ...rest,
        ...(auto_pad === 'NOTSET' ? { pads: [...begin, ...end] } : { auto_pad, dilations: cells.map(() => 1) }),
      },
    }));
const anyWindow = upTo(2, 1).chain(windows);

const convolutions = fc
  .record({
    window: anyWindow,
    group: upTo(2, 1),
    from: upTo(3, 1),
    to: upTo(3, 1),
    hasBias: fc.boolean(),
    isTransposed: fc.boolean(),
    extra: fc.array(upTo(2), { minLength: 2, maxLength: 2 }),
  })
  .map(({ window: { cells, attrs }, group, from, to, hasBias, isTransposed, extra }): GradientCase => {
    const kernel = attrs.kernel_shape as number[];
    const [input, output] = [from * group, to * group];
    const w = isTransposed ? [input, to, ...kernel] : [output, from, ...kernel];
    const room = kernel.map((_, i) => Math.min(extra[i] as number, ((attrs.strides as number[])[i] as number) - 1));
    return {
      op: isTransposed ? 'ConvTranspose' : 'Conv',
      inputs: [[2, input, ...cells], w, ...(hasBias ? [[output]] : [])],
      attrs: { ...attrs, group, ...(isTransposed && 'pads' in attrs && { output_padding: room }) },
    };
  });

const pools = fc
  .record({ window: anyWindow, isMax: fc.boolean(), ceil_mode: upTo(1), count_include_pad: upTo(1) })
  .map(({ window: { cells, attrs }, isMax, ceil_mode, count_include_pad }): GradientCase => {
    const dims = [2, 2, ...cells];
    return isMax
      ? { op: 'MaxPool', inputs: [distinct(dims)], attrs: { ...attrs, ceil_mode } }
      : { op: 'AveragePool', inputs: [dims], attrs: { ...attrs, ceil_mode, count_include_pad }, opsets: [19, 24] };
  });

const resizes = fc
  .record({
    cells: each(2, upTo(8, 1)),
    sizes: each(2, upTo(11, 1)),
    scales: each(2, fc.double({ min: 0.3, max: 3, noNaN: true })),
    bySizes: fc.boolean(),
    mode: oneOf('nearest', 'linear', 'cubic'),
    coordinates: oneOf('half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'),
    nearest_mode: oneOf('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
    antialias: upTo(1),
    exclude_outside: upTo(1),
    a: oneOf(-0.75, -0.5, -0.3),
  })
  .map(
    ({
      cells,
      sizes,
      scales,
      bySizes,
      mode,
      coordinates,
      nearest_mode,
      antialias,
      exclude_outside,
      a,
    }): GradientCase => {
      const factors = scales.map((scale, i) => Math.max(Math.fround(scale), Math.fround(1.01 / (cells[i] as number))));
      return {
        op: 'Resize',
        inputs: bySizes
          ? [[1, 2, ...cells], null, null, int64([1, 2, ...sizes])]
          : [[1, 2, ...cells], null, float32([1, 1, ...factors], [4])],
        attrs: {
          mode,
          coordinate_transformation_mode: coordinates,
          ...(mode === 'nearest' ? { nearest_mode } : { antialias }),
          ...(mode === 'cubic' && { cubic_coeff_a: float(a), exclude_outside }),
        },
        opsets: [19, 24],
      };
    },
  );

const pads = fc
  .record({
    dims: each(3, upTo(6, 3)),
    pads: each(6, upTo(2)),
    cut: each(6, upTo(1)),
    mode: oneOf('constant', 'reflect', 'edge', 'wrap'),
  })
  .map(({ dims, pads: room, cut, mode }): GradientCase => {
    const own = room.map((pad, i) => (cut[i] === 1 && pad === 0 && mode === 'constant' ? -1 : pad));
    return { op: 'Pad', inputs: [dims, int64(own)], attrs: { mode }, opsets: mode === 'wrap' ? [19, 24] : [17, 24] };
  });

const norms = fc
  .record({
    N: upTo(3, 1),
    groups: upTo(3, 1),
    each: upTo(2, 1),
    // of two numbers, what is left after centring is a sign: its derivative is rounding
    cells: fc.array(upTo(4, 3), { minLength: 1, maxLength: 3 }),
    axis: upTo(2, 1),
    epsilon: oneOf(1e-5, 1e-2, 0.5),
    kind: upTo(4),
    hasBias: fc.boolean(),
  })
  .map(({ N, groups, each: per, cells, axis, epsilon, kind, hasBias }): GradientCase => {
    const C = groups * per;
    const dims = [N, C, ...cells];
    const attrs = { epsilon: float(epsilon) };
    if (kind === 0)
      return { op: 'BatchNormalization', inputs: [dims, [C], [C], [C], { dims: [C], draw: between(0.5, 2) }], attrs };
    if (kind === 1) return { op: 'InstanceNormalization', inputs: [dims, [C], [C]], attrs };
    if (kind === 2)
      return {
        op: 'GroupNormalization',
        inputs: [dims, [C], [C]],
        attrs: { ...attrs, num_groups: groups },
        opsets: [21, 24],
      };
    const rest = dims.slice(axis);
    if (kind === 3)
      return { op: 'LayerNormalization', inputs: [dims, rest, ...(hasBias ? [rest] : [])], attrs: { ...attrs, axis } };
    return { op: 'RMSNormalization', inputs: [dims, rest], attrs: { ...attrs, axis }, opsets: [23, 24] };
  });

/** Kernels of onnxruntime round places and weights of drawn sizes and scales to float32, each in its own order. */
const ROUNDING = 4;

/** Whether the runtime takes the node at all. */
async function runs(row: GradientCase, opset: number): Promise<boolean> {
  const rng = random(nameOf(row));
  try {
    await drawCotangents({ ...row, single: true }, sample(row, rng), { opset, rng });
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

async function agrees(row: GradientCase): Promise<void> {
  const rule = RULES.get(operatorKey(row)) ?? LOWERINGS.get(operatorKey(row));
  for (const opset of row.opsets ?? [17, 24]) {
    fc.pre(rule !== undefined && (await runs(row, opset)));
    if (rule === undefined) return;
    if (!RULES.has(operatorKey(row))) expect(await checkLowered(row, opset)).toBeLessThan(2e-6);
    const deviations = await checkCase(row, rule, opset).catch((error) => {
      if (error instanceof UnsupportedOpError) return [];
      throw error;
    });
    for (const { input, deviation } of deviations)
      expect(deviation, `${nameOf(row)} at opset ${opset}, input ${input}`).toBeLessThan(
        ROUNDING * CHECKS[rule.linearity].tolerance,
      );
  }
}

describe('gradients of nodes drawn at random agree with differences', () => {
  it.each(Object.entries({ convolutions, pools, resizes, pads, norms }))(
    '%s',
    { timeout: 60_000 + 2000 * RUNS },
    async (_, rows) => {
      await fc.assert(fc.asyncProperty(rows, agrees), { numRuns: RUNS, seed: Number(process.env.COPPICE_SEED ?? 1) });
    },
  );

  it('refuse poolings that begin behind the first element', async () => {
    const attrs = { kernel_shape: [1], strides: [3], auto_pad: 'SAME_UPPER' };
    const row: GradientCase = { op: 'AveragePool', inputs: [[1, 1, 3]], attrs };
    await expect(checkCase(row, { linearity: 'linear' }, 22)).rejects.toThrow(
      /AveragePool, opset 22\): strides must not pass the kernel by 2 or more where auto_pad is "SAME_UPPER", current strides are \[3\]/,
    );
    const plain = { ...row, inputs: [[1, 1, 4]] };
    for (const { deviation } of await checkCase(plain, { linearity: 'linear' }, 22))
      expect(deviation).toBeLessThan(1e-6);
  });
});
