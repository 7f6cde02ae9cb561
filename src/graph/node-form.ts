import { ShapeError } from '../errors/errors.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Node } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Captured } from './captured.ts';

/** What is known of a node before anything is emitted. */
export interface NodeForm {
  readonly node: Node;
  /** Names of inputs and outputs; '' for an optional one left out. */
  readonly x: readonly string[];
  readonly y: readonly string[];
  /** Shapes, as captured. */
  readonly shape: (input: number) => readonly number[];
  readonly outShape: (output: number) => readonly number[];
  /** Elements of an input that is a constant, or a captured small integer value; undefined otherwise. */
  readonly value: (input: number) => Tensor | undefined;
  /** The same as numbers. */
  readonly numbers: (input: number) => number[] | undefined;
}

/** Where shapes and constants are looked up. */
export interface KnownGraph {
  readonly captured: Captured;
  readonly constants: ReadonlyMap<string, Constant>;
}

/** The shape of a value: of a constant, or as captured. @throws ShapeError if it is not known */
export function shapeOf(at: KnownGraph, name: string): readonly number[] {
  const dims = at.constants.get(name)?.dims ?? at.captured.get(name)?.dims;
  if (dims === undefined) throw new ShapeError(`Cannot read the graph: the shape of value "${name}" was not captured`);
  return dims;
}

/** What is known of a node: its attributes, shapes and constant inputs. */
export function formOf(at: KnownGraph, node: Node): NodeForm {
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
