import { intAttribute, stringAttribute } from '../../../ir/access.ts';
import type { RuleContext } from '../../rule.ts';
import { type Activation, activationsOf } from './activation.ts';

/** Sizes of a recurrent layer: T steps, B samples, I inputs, H cells, D directions. */
export interface Sizes {
  readonly T: number;
  readonly B: number;
  readonly I: number;
  readonly H: number;
  readonly D: number;
}

/** One direction of a layer, its steps in the order in which they are taken. */
export interface Direction {
  readonly stem: string;
  readonly sizes: Sizes;
  /** [T, B, I], [G H, I], [G H, H] */
  readonly X: string;
  readonly W: string;
  readonly R: string;
  /** [2, G H]: added to X W' and to h R'; undefined where there is none. */
  readonly bias: readonly [string, string] | undefined;
  /** h before each step, [T, B, H] */
  readonly before: string;
  /** The cell's start, [B, H]; of an LSTM only. */
  readonly c0: string;
  /** Cotangents of each step's h, [T, B, H], and of the last h and c, [B, H]. */
  readonly dY: string;
  readonly dLast: string;
  readonly dCell: string;
  /** Where a sample's steps are over, [T, B, 1]: 1 before, 0 after; undefined = nowhere. */
  readonly mask: string | undefined;
  readonly activations: readonly Activation[];
}

/** What the steps of a direction yield: cotangents of X W' + b and of h R' + b, [T, B, G H] each; and of the starts, [B, H]. */
export interface StepGradients {
  readonly dA: string;
  readonly dU: string;
  readonly dh: string;
  readonly dc: string;
  /** What the last of the G parts of R is multiplied by, where that is not h: [T, B, H]. */
  readonly reset?: string;
}

/** Sizes as the inputs have them. */
export function sizesOf({ shape }: Pick<RuleContext, 'shape'>): Sizes {
  const [T, B, I] = shape(0) as [number, number, number];
  const [D, , H] = shape(2) as [number, number, number];
  return { T, B, I, H, D };
}

/** Reverses the steps: of each sample its own, where lengths differ. */
export function flip(at: RuleContext, value: string, { T }: Sizes): string {
  const lengths = at.x[4];
  if (!lengths) return at.slice(value, { starts: [-1], ends: [-T - 1], axes: [0], steps: [-1] });
  return at.emit('ReverseSequence', value, at.emit('Cast', lengths, { to: 7 }), { time_axis: 0, batch_axis: 1 });
}

/** Part i of a value along its first axis, or zeros of a shape where there is none. */
function part(at: RuleContext, value: string | undefined, { d, dims }: { d: number; dims: readonly number[] }): string {
  if (!value) return at.zeros(dims);
  return at.reshape(at.slice(value, { starts: [d], ends: [d + 1], axes: [0] }), dims);
}

/** The h of every step, [T, D, B, H]: the layer's output, or that of the layer run once more. */
function allSteps(at: RuleContext): string {
  if (at.y[0]) return at.y[0];
  return at.once(`${at.y.join()} steps`, () => at.emit(at.node.op, ...at.x, Object.fromEntries(at.node.attributes)));
}

/** Whether a direction goes from the end to the start. */
export function isReversed({ node }: Pick<RuleContext, 'node'>, d: number): boolean {
  return d === 1 || stringAttribute(node, 'direction', 'forward') === 'reverse';
}

/** Takes a layer apart into its directions. `functions`: the usual ones of a direction. */
export function directionsOf(at: RuleContext, functions: readonly string[]): Direction[] {
  const sizes = sizesOf(at);
  const { T, B, H, D } = sizes;
  const gates = (at.shape(1)[1] as number) / H;
  const activations = activationsOf(at.node, functions, D);
  const mask = maskOf(at, sizes);
  const order = (value: string, d: number): string => (isReversed(at, d) ? flip(at, value, sizes) : value);
  const steps = (value: string, d: number): string =>
    at.reshape(at.slice(value, { starts: [d], ends: [d + 1], axes: [1] }), [T, B, H]);
  const given = (output: number): string | undefined => (at.hasDy(output) ? at.dy[output] : undefined);
  return Array.from({ length: D }, (_, d): Direction => {
    const H0 = part(at, at.x[5], { d, dims: [B, H] });
    const h = order(steps(allSteps(at), d), d);
    const first = at.reshape(H0, [1, B, H]);
    const before =
      T === 1 ? first : at.emit('Concat', first, at.slice(h, { starts: [0], ends: [T - 1], axes: [0] }), { axis: 0 });
    const dY = given(0) === undefined ? at.zeros([T, B, H]) : order(steps(given(0) as string, d), d);
    const bias = at.x[3] ? part(at, at.x[3], { d, dims: [2, gates * H] }) : undefined;
    return {
      stem: `${at.y.find((y) => y !== '')}/${d}`,
      sizes,
      X: order(at.x[0] as string, d),
      W: part(at, at.x[1], { d, dims: at.shape(1).slice(1) }),
      R: part(at, at.x[2], { d, dims: at.shape(2).slice(1) }),
      bias:
        bias === undefined
          ? undefined
          : [part(at, bias, { d: 0, dims: [gates * H] }), part(at, bias, { d: 1, dims: [gates * H] })],
      before,
      c0: part(at, at.node.op === 'LSTM' ? at.x[6] : undefined, { d, dims: [B, H] }),
      dY: mask === undefined ? dY : at.emit('Mul', dY, mask),
      dLast: part(at, given(1), { d, dims: [B, H] }),
      dCell: part(at, given(2), { d, dims: [B, H] }),
      mask,
      activations: activations[d] as Activation[],
    };
  });
}

/** [T, B, 1]: 1 for the steps before a sample's length, 0 after; undefined where no lengths are given. */
function maskOf(at: RuleContext, { T, B }: Sizes): string | undefined {
  const lengths = at.x[4];
  if (!lengths) return undefined;
  const steps = at.reshape(at.ints(Array.from({ length: T }, (_, t) => t)), [T, 1, 1]);
  const until = at.reshape(at.emit('Cast', lengths, { to: 7 }), [1, B, 1]);
  return at.emit('CastLike', at.emit('Less', steps, until), at.scalar(0));
}

/** factor where a step is taken; 0 elsewhere */
export function masked(at: RuleContext, { mask }: Direction, factor: string): string {
  return mask === undefined ? factor : at.emit('Mul', factor, mask);
}

/** factor where a step is taken; 1 elsewhere: what a state is multiplied by on its way back */
export function carried(at: RuleContext, { mask }: Direction, factor: string): string {
  if (mask === undefined) return factor;
  return at.emit('Add', at.emit('Mul', factor, mask), at.emit('Sub', at.scalar(1), mask));
}

/** X W' + b and h R' + b of all steps, [T, B, G H]. */
export function sums(at: RuleContext, { X, W, R, before, bias }: Direction): { A: string; U: string } {
  const product = (value: string, matrix: string, b: string | undefined): string => {
    const plain = at.emit('MatMul', value, at.transpose(matrix, [1, 0]));
    return b === undefined ? plain : at.emit('Add', plain, b);
  };
  return { A: product(X, W, bias?.[0]), U: product(before, R, bias?.[1]) };
}

/** The G parts of a [T, B, G H]. */
export function gatesOf(at: RuleContext, value: string, { H }: Sizes, count: number): string[] {
  return at.emitAll('Split', count, value, at.ints(new Array<number>(count).fill(H)), { axis: -1 });
}

/** Why a layer's form has no gradient here. */
export function refusedForm({ node, x, numbers }: Pick<RuleContext, 'node' | 'x' | 'numbers'>): string | undefined {
  const clip = node.attributes.get('clip');
  if (clip?.kind === 'float' && clip.value > 0) return `clip must be absent, current value is ${clip.value}`;
  if (intAttribute(node, 'layout', 0) !== 0) return 'layout must be 0, current value is 1';
  if (intAttribute(node, 'input_forget', 0) !== 0) return 'input_forget must be 0, current value is 1';
  if (node.op === 'LSTM' && x[7] && !(numbers(7)?.every((p) => p === 0) ?? false))
    return 'it must have no peepholes (input P)';
  return undefined;
}
