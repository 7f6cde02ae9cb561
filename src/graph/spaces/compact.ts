import { constantOf, intAttribute, tensorOf } from '../../ir/access.ts';
import type { Attribute, Constant, Dimension, Graph, Model, Node } from '../../ir/model.ts';
import { bigInts } from '../../tensor/filled.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import { neededOnly } from '../passes/needed-only.ts';
import type { Atom } from './atoms.ts';
import { cutsOf, padsOf } from './rule-shaping.ts';
import { keptOf, type Spaces, targetOf } from './spaces.ts';
import { extentsOf } from './targets.ts';
import type { Walk } from './walk.ts';

/**
 * The model without some groups: constants are cut, and what says sizes in nodes is written anew. Same inputs and outputs, same opset.
 *
 * @param gone  the atoms of groups of {@link findSpaces} on this model
 * Cost: the constants that are cut are copied.
 */
export function compact(model: Model, { walk }: Spaces, gone: ReadonlySet<Atom>): Model {
  const { graph } = model;
  const writing = new Writing(graph, walk, gone);
  const nodes = graph.nodes.flatMap((node) => writing.node(node));
  const constants = new Map(graph.constants);
  for (const name of graph.constants.keys()) {
    const cut = writing.constant(name);
    if (cut !== null) constants.set(name, cut);
  }
  for (const [name, constant] of writing.added) constants.set(name, constant);
  const declared = <T extends { name: string; shape: readonly Dimension[] | null }>(info: T): T => ({
    ...info,
    shape: info.shape?.map((d, axis) => (typeof d === 'number' ? writing.length(info.name, axis, d) : d)) ?? null,
  });
  const small: Graph = {
    ...graph,
    nodes,
    constants,
    inputs: graph.inputs.map((info) => (graph.constants.has(info.name) ? declared(info) : info)),
    valueInfo: graph.valueInfo.map(declared),
  };
  return neededOnly({ ...model, graph: small });
}

/** Constants and nodes as they are without the positions that are gone. */
class Writing {
  readonly added = new Map<string, Constant>();
  readonly #graph: Graph;
  readonly #walk: Walk;
  readonly #gone: ReadonlySet<Atom>;
  readonly #names = new Set<string>();
  readonly #kept = new Map<string, (number[] | null)[]>();

  constructor(graph: Graph, walk: Walk, gone: ReadonlySet<Atom>) {
    this.#graph = graph;
    this.#walk = walk;
    this.#gone = gone;
  }

  /** The positions that stay along an axis of a value; null = all do. */
  kept(name: string, axis: number): number[] | null {
    const known = this.#kept.get(name) ?? this.#find(name);
    this.#kept.set(name, known);
    return known[axis] ?? null;
  }

  #find(name: string): (number[] | null)[] {
    const labels = this.#walk.labels.get(name) ?? [];
    return labels.map((axis) => {
      const kept = keptOf(this.#walk, axis, this.#gone);
      return kept !== null && kept.length === axis?.length ? null : kept;
    });
  }

  length(name: string, axis: number, length: number): number {
    return this.kept(name, axis)?.length ?? length;
  }

  /** A constant cut along its axes; null where it stays whole. */
  constant(name: string): Constant | null {
    const constant = this.#graph.constants.get(name) as Constant;
    const kept = constant.dims.map((_, axis) => this.kept(name, axis));
    return kept.every((of) => of === null) ? null : taken(constant, kept);
  }

  node(node: Node): Node | Node[] {
    if (targetOf(node) !== undefined) return this.#target(node);
    switch (node.op) {
      case 'Conv':
      case 'FusedConv':
      case 'ConvTranspose':
        return this.#groups(node);
      case 'Split':
        return this.#split(node);
      case 'Slice':
        return this.#slice(node);
      case 'Gather':
        return this.#gather(node);
      case 'Pad':
        return this.#pad(node);
      default:
        return node;
    }
  }

  #groups(node: Node): Node {
    const groups = intAttribute(node, 'group', 1);
    if (groups === 1) return node;
    const [x = '', w = ''] = node.inputs;
    const side = node.op === 'ConvTranspose' ? (node.outputs[0] as string) : x;
    const channels = this.length(side, 1, this.#walk.dims(side)?.[1] ?? 0);
    const each = this.length(w, 1, this.#walk.dims(w)?.[1] ?? 1);
    return withAttribute(node, 'group', { kind: 'int', value: channels / each });
  }

  /** The shape that a node gives to its output: a constant, or what is computed less what went of numbers that do not follow. */
  #target(node: Node): Node | Node[] {
    const [x = '', target, output = ''] = [node.inputs[0], targetOf(node) as string, node.outputs[0]];
    const dims = this.#walk.dims(output) ?? [];
    if (dims.every((_, axis) => this.kept(output, axis) === null)) return node;
    const at = node.inputs.indexOf(target);
    const given = this.#walk.constantInts(target);
    const follows = (axis: number, value: number): boolean =>
      value === -1 ||
      (value === 0 && node.op === 'Reshape' && this.kept(x, axis)?.length === this.kept(output, axis)?.length);
    if (given !== undefined) {
      const values = given.map((value, axis) => {
        const kept = this.kept(output, axis);
        return kept === null || value === 1 || follows(axis, value) ? value : kept.length;
      });
      return withInput(node, at, this.#ints(output, values));
    }
    const extents = extentsOf(this.#graph, this.#walk, target) ?? [];
    const less = dims.map((length, axis) => {
      const [extent, wanted] = [extents[axis] ?? null, this.length(output, axis, length)];
      if (extent === null || extent === -1) return 0;
      if (typeof extent === 'number') return this.kept(output, axis) === null ? 0 : extent - wanted;
      return this.length(extent.value, extent.axis, length) - wanted;
    });
    if (less.every((difference) => difference === 0)) return node;
    const name = this.#fresh(`${output}_target`);
    const sub: Node = {
      name: '',
      op: 'Sub',
      domain: '',
      inputs: [target, this.#ints(output, less)],
      outputs: [name],
      attributes: new Map(),
    };
    return [sub, withInput(node, at, name)];
  }

  #split(node: Node): Node {
    const [x = ''] = node.inputs;
    const axis = along(intAttribute(node, 'axis', 0), this.#walk.dims(x)?.length ?? 0);
    if (this.kept(x, axis) === null) return node;
    const sizes = node.outputs.map((name) => this.length(name, axis, this.#walk.dims(name)?.[axis] ?? 0));
    if (this.#walk.opset < 13) return withAttribute(node, 'split', { kind: 'ints', value: sizes });
    const attributes = new Map(node.attributes);
    attributes.delete('num_outputs');
    return withInput({ ...node, attributes }, 1, this.#ints(node.outputs[0] as string, sizes));
  }

  #slice(node: Node): Node {
    const [x = ''] = node.inputs;
    const cuts = cutsOf(node, this.#walk) ?? [];
    if (cuts.every(({ axis }) => this.kept(x, axis) === null)) return node;
    const output = node.outputs[0] as string;
    const [starts, ends] = [[], []] as [number[], number[]];
    for (const { axis, start, step } of cuts) {
      const kept = this.kept(x, axis);
      const length = this.length(output, axis, this.#walk.dims(output)?.[axis] ?? 0);
      const first = kept === null ? start : kept.filter((position) => position < start).length;
      starts.push(first);
      const end = first + length * step;
      ends.push(end < 0 ? Number.MIN_SAFE_INTEGER : end);
    }
    if (this.#walk.opset < 10)
      return withAttribute(withAttribute(node, 'starts', { kind: 'ints', value: starts }), 'ends', {
        kind: 'ints',
        value: ends,
      });
    return withInput(withInput(node, 1, this.#ints(output, starts)), 2, this.#ints(output, ends));
  }

  #gather(node: Node): Node {
    const [x = '', at = ''] = node.inputs;
    const rank = this.#walk.dims(x)?.length ?? 0;
    const axis = along(intAttribute(node, 'axis', 0), rank);
    const kept = this.kept(x, axis);
    const indices = this.#walk.constantInts(at);
    if (kept === null || indices === undefined) return node;
    const length = this.#walk.dims(x)?.[axis] ?? 0;
    const places = new Map(kept.map((position, i) => [position, i]));
    const values = indices.flatMap((i) => places.get(along(i, length)) ?? []);
    return withInput(
      node,
      1,
      this.#ints(node.outputs[0] as string, values, this.#walk.dims(at)?.length === 0 ? [] : undefined),
    );
  }

  #pad(node: Node): Node {
    const output = node.outputs[0] as string;
    const pads = padsOf(node, this.#walk) ?? [];
    const rank = pads.length / 2;
    if (Array.from({ length: rank }, (_, axis) => this.kept(output, axis)).every((of) => of === null)) return node;
    const dims = this.#walk.dims(output) ?? [];
    const values = pads.map((pad, i) => {
      const kept = this.kept(output, i % rank);
      if (kept === null) return pad;
      const length = dims[i % rank] as number;
      return kept.filter((position) => (i < rank ? position < pad : position >= length - pad)).length;
    });
    if (this.#walk.opset < 11) return withAttribute(node, 'pads', { kind: 'ints', value: values });
    const all = withInput(node, 1, this.#ints(output, values));
    return all.inputs.length > 3 ? { ...all, inputs: all.inputs.slice(0, 3) } : all;
  }

  /** An int64 constant under a name of its own. */
  #ints(near: string, values: readonly number[], dims: readonly number[] = [values.length]): string {
    const name = this.#fresh(`${near}_kept`);
    this.added.set(name, constantOf({ type: 'int64', dims, data: bigInts(values) }));
    return name;
  }

  #fresh(base: string): string {
    let name = base;
    for (
      let i = 2;
      this.#names.has(name) || this.#graph.constants.has(name) || this.#walk.dims(name) !== undefined;
      i++
    )
      name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }
}

const along = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function withAttribute(node: Node, name: string, value: Attribute): Node {
  return { ...node, attributes: new Map(node.attributes).set(name, value) };
}

function withInput(node: Node, at: number, name: string): Node {
  const inputs = [...node.inputs];
  while (inputs.length < at) inputs.push('');
  inputs[at] = name;
  return { ...node, inputs };
}

/** The elements of a constant at some positions of each axis; null = all of an axis. */
export function taken(constant: Constant, kept: readonly (readonly number[] | null)[]): Constant {
  const { dims } = constant;
  const positions = dims.map((length, axis) => kept[axis] ?? Array.from({ length }, (_, i) => i));
  const whole = kept.findLastIndex((of) => of !== null) + 1; // axes behind are copied in one go
  const run = sizeOf(dims.slice(whole));
  const tensor = tensorOf(constant);
  const data = tensor.data as Float32Array;
  const shape = positions.map((of) => of.length);
  const result = new (data.constructor as Float32ArrayConstructor)(sizeOf(shape));
  let at = 0;
  const walk = (axis: number, base: number): void => {
    if (axis === whole) {
      result.set(data.subarray(base * run, (base + 1) * run), at);
      at += run;
      return;
    }
    for (const position of positions[axis] as readonly number[])
      walk(axis + 1, base * (dims[axis] as number) + position);
  };
  if (result.length > 0) walk(0, 0);
  return { ...constantOf({ ...tensor, dims: shape, data: result }) };
}
