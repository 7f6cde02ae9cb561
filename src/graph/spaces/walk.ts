import { tensorOf } from '../../ir/access.ts';
import type { Graph, Node } from '../../ir/model.ts';
import type { DataType } from '../../tensor/tensor.ts';
import type { Captured } from '../captured.ts';
import { type Atom, Atoms, type Labels } from './atoms.ts';

/** Where a node sums over an axis: what goes of it goes with nothing left behind. */
export interface Read {
  readonly node: Node;
  /** The value whose axis is summed over, an input of the node, and the axis. */
  readonly input: number;
  readonly axis: number;
  /** The constant that holds a factor for each position; null = another value does. */
  readonly weight: string | null;
}

/** What is learnt of a graph on a walk through its nodes: the atoms that the positions of each axis are made of. */
export class Walk {
  readonly atoms = new Atoms();
  /** Labels of the axes of each value and constant that was met. */
  readonly labels = new Map<string, Labels[]>();
  readonly reads: Read[] = [];
  /** Constants by the positions that a node makes along one of their axes. */
  readonly makes: { readonly node: Node; readonly weight: string; readonly axis: number }[] = [];
  readonly #graph: Graph;
  readonly #captured: Captured;

  /** The opset of ai.onnx that the graph is written in. */
  readonly opset: number;

  constructor(graph: Graph, captured: Captured, opset: number) {
    this.opset = opset;
    this.#graph = graph;
    this.#captured = captured;
  }

  isConstant(name: string): boolean {
    return this.#graph.constants.has(name);
  }

  /** The extents of a value or constant; undefined where they are not known. */
  dims(name: string): readonly number[] | undefined {
    return this.#graph.constants.get(name)?.dims ?? this.#captured.get(name)?.dims;
  }

  /** The type of a value or constant; float32 where it is not known. */
  type(name: string): DataType {
    return this.#graph.constants.get(name)?.type ?? this.#captured.get(name)?.type ?? 'float32';
  }

  /** Whole numbers that a value holds, whatever the inputs are; undefined where that is not known. */
  constantInts(name: string | undefined): number[] | undefined {
    const constant = this.#graph.constants.get(name ?? '');
    return constant === undefined ? undefined : [...(tensorOf(constant).data as Iterable<number>)].map(Number);
  }

  /** Labels of all axes of a value. Those of a constant are its own from the first time that it is met. */
  of(name: string): Labels[] {
    const known = this.labels.get(name);
    if (known !== undefined) return known;
    const made = (this.dims(name) ?? []).map((n) => (this.isConstant(name) && n > 1 ? this.atoms.fresh(n) : null));
    this.labels.set(name, made);
    return made;
  }

  /** Says what the axes of a value that a node made are. */
  set(name: string | undefined, labels: readonly Labels[]): void {
    if (name === undefined || name === '') return;
    const dims = this.dims(name);
    const fits = dims !== undefined && dims.length === labels.length;
    if (!fits) {
      for (const axis of labels) this.freeze(axis, `the shape of "${name}" is not known`);
      this.labels.set(name, dims?.map(() => null) ?? []);
      return;
    }
    this.labels.set(
      name,
      labels.map((axis, i) => {
        if (axis === null || axis.length === dims[i]) return axis;
        this.freeze(axis, `an axis of "${name}" has another length than what it comes from`);
        return null;
      }),
    );
  }

  /** Two axes whose positions belong together one by one; what only one side can lose, neither can. */
  meet(a: Labels, b: Labels, reason: string): Labels {
    if (a === null || b === null || a.length !== b.length) {
      this.freeze(a, reason);
      this.freeze(b, reason);
      return null;
    }
    for (const [i, atom] of a.entries()) this.atoms.unite(atom, b[i] as Atom);
    return a;
  }

  freeze(labels: Labels, reason: string): void {
    for (const atom of labels ?? []) this.atoms.freeze(atom, reason);
  }

  /** Nothing of a value may go. */
  freezeAll(name: string, reason: string): void {
    if (name !== '') for (const axis of this.of(name)) this.freeze(axis, reason);
  }

  /** Atoms for positions that cannot go. */
  fixed(count: number, reason: string): Int32Array {
    const atoms = this.atoms.fresh(count);
    this.freeze(atoms, reason);
    return atoms;
  }
}

/** A node as sentences name it. */
export function nameOf(node: Node): string {
  const name = node.name || node.outputs.find((output) => output !== '') || '';
  return `"${name}" (${node.op})`;
}

/** What a node says of the axes of its outputs, and of those of its inputs. */
export type SpaceRule = (node: Node, walk: Walk) => void;
