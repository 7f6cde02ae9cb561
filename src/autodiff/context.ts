import { ShapeError } from '../errors/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Captured } from '../graph/captured.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Node } from '../ir/model.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { Attributes, Cut, NodeForm, RuleContext } from './rule.ts';

/** What the contexts of one graph share. */
export interface Surroundings {
  readonly builder: GraphBuilder;
  readonly captured: Captured;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly opset: number;
  readonly type: 'float32' | 'float64';
  readonly block: number;
}

/** The shape of a value: of a constant, or as captured. @throws ShapeError if it is not known */
export function shapeOf(at: Pick<Surroundings, 'captured' | 'constants'>, name: string): readonly number[] {
  const dims = at.constants.get(name)?.dims ?? at.captured.get(name)?.dims;
  if (dims === undefined)
    throw new ShapeError(`Cannot differentiate the graph: the shape of value "${name}" was not captured`);
  return dims;
}

/** The vocabulary that rules emit with; see {@link RuleContext}. */
export type Vocabulary = Pick<
  RuleContext,
  | 'emit'
  | 'noteOuter'
  | 'emitAll'
  | 'ints'
  | 'scalar'
  | 'floats'
  | 'constant'
  | 'zeros'
  | 'sum'
  | 'reshape'
  | 'transpose'
  | 'slice'
  | 'pad'
  | 'expand'
>;

/** Builds the emission vocabulary over a graph builder. */
export function vocabulary({ builder, type }: Pick<Surroundings, 'builder' | 'type'>): Vocabulary {
  const emitAll = (op: string, count: number, ...args: readonly (string | Attributes)[]): string[] => {
    const inputs = args.filter((a): a is string => typeof a === 'string');
    const values = args.find((a): a is Attributes => typeof a !== 'string');
    return builder.emitAll(op, inputs, count, values);
  };
  const emit = (op: string, ...args: readonly (string | Attributes)[]): string => emitAll(op, 1, ...args)[0] as string;
  const { ints, scalar } = {
    ints: (v: readonly number[]) => builder.ints(v),
    scalar: (v: number) => builder.scalar(v, type),
  };
  return {
    emit,
    emitAll,
    noteOuter: (value, outer) => {
      builder.outers.set(value, outer);
      return value;
    },
    ints,
    scalar,
    floats: (values, dims) =>
      builder.constant({
        type,
        dims,
        data: type === 'float32' ? Float32Array.from(values) : Float64Array.from(values),
      }),
    constant: (tensor) => builder.constant(tensor),
    zeros: (dims) => emit('Expand', scalar(0), ints(dims)),
    sum: (value, axes, keepdims = false) =>
      axes.length === 0 ? value : emit('ReduceSum', value, ints(axes), { keepdims: keepdims ? 1 : 0 }),
    reshape: (value, dims) => emit('Reshape', value, ints(dims), { allowzero: 1 }),
    transpose: (value, perm) => (perm.every((p, i) => p === i) ? value : emit('Transpose', value, { perm })),
    slice: (value, { starts, ends, axes, steps }: Cut) =>
      steps === undefined
        ? emit('Slice', value, ints(starts), ints(ends), ints(axes))
        : emit('Slice', value, ints(starts), ints(ends), ints(axes), ints(steps)),
    pad: (value, pads) => (pads.every((p) => p === 0) ? value : emit('Pad', value, ints(pads))),
    expand: (value, dims) => emit('Expand', value, ints(dims)),
  };
}

/** What is known of a node: its attributes, shapes and constant inputs. */
export function formOf(at: Pick<Surroundings, 'captured' | 'constants'>, node: Node): NodeForm {
  const value = (input: number): Tensor | undefined => {
    const name = node.inputs[input] ?? '';
    const constant = at.constants.get(name);
    return constant === undefined ? at.captured.get(name)?.value : tensorOf(constant);
  };
  return {
    node,
    x: node.inputs,
    y: node.outputs,
    shape: (input) => shapeOf(at, node.inputs[input] ?? ''),
    outShape: (output) => shapeOf(at, node.outputs[output] ?? ''),
    value,
    numbers: (input) => {
      const found = value(input);
      return found === undefined || Array.isArray(found.data)
        ? undefined
        : Array.from(found.data as ArrayLike<number | bigint>, Number);
    },
  };
}

/** The context of one node. `dy` may lack cotangents; they become zeros when read. */
export function ruleContext(
  at: Surroundings,
  node: Node,
  dy: readonly (string | undefined)[],
  needs: (input: number) => boolean,
): RuleContext {
  const words = vocabulary(at);
  const form = formOf(at, node);
  return {
    ...words,
    ...form,
    opset: at.opset,
    block: at.block,
    hasDy: (output) => dy[output] !== undefined,
    dy: lazily(dy, (output) => words.zeros(form.outShape(output))),
    needs,
    unbroadcast: (v, input, from = form.outShape(0)) => unbroadcast(words, v, from, form.shape(input)),
  };
}

/** Entries that are missing are made when they are first read, once. */
function lazily(values: readonly (string | undefined)[], make: (index: number) => string): readonly string[] {
  const filled = [...values] as (string | undefined)[];
  return new Proxy(filled as string[], {
    get: (target, key) => {
      const index = typeof key === 'string' && /^\d+$/.test(key) ? Number(key) : -1;
      if (index >= 0 && index < target.length && target[index] === undefined) target[index] = make(index);
      return Reflect.get(target, key);
    },
  });
}

function unbroadcast(words: Vocabulary, value: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length;
  const axes = from.flatMap((d, axis) => (axis < lead || (to[axis - lead] === 1 && d !== 1) ? [axis] : []));
  if (axes.length === 0) return value;
  const summed = words.sum(value, axes, true);
  return lead > 0 ? words.reshape(summed, to) : summed;
}

/** Number of elements of a shape; re-exported for rules. */
export { sizeOf };
