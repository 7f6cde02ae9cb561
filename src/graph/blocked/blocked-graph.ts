import { tensorOf } from '../../ir/access.ts';
import type { Model, Node } from '../../ir/model.ts';
import { GraphBuilder } from '../builder.ts';
import { type BlockedConv, type BlockedWords, blockedWords, filterOrder, NCHWC } from './words.ts';

/** What the pass over a graph needs to know. */
export interface BlockedRequest {
  /** Channels of a block: what the engine's `channelBlock` says. */
  readonly block: number;
  /** Shapes of values, as far as they are known; the pass works out what follows from them. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** A blocked value that is written when something reads it, so that what follows may become part of it. */
export type Pending =
  | { readonly kind: 'conv'; readonly conv: PendingConv; readonly dims: readonly number[] }
  | { readonly kind: 'product'; readonly factors: readonly [string, string]; readonly dims: readonly number[] };

/** Y = relu(scale conv(x) + shift + plus); without a weight it is relu(scale x + shift + plus), channel by channel. */
export interface PendingConv extends Omit<BlockedConv, 'filter' | 'bias'> {
  /** Plain, [out, in / group, ...kernel]. */
  readonly weight?: { readonly value: string; readonly dims: readonly number[] };
  /** [out] */
  readonly scale?: string;
  readonly shift?: string;
}

/** The graph under way: which values exist in which order of elements, and how to have one in the other. */
export class BlockedGraph {
  readonly builder: GraphBuilder;
  readonly words: BlockedWords;
  readonly block: number;
  /** Values less a channel's constant, by `value|constant`. */
  readonly centred = new Map<string, string>();
  readonly #model: Model;
  readonly #shapes: Map<string, readonly number[]>;
  readonly #uses = new Map<string, number>();
  readonly #blocked = new Map<string, string>();
  readonly #pending = new Map<string, Pending>();
  readonly #onlyBlocked = new Set<string>();
  /** What a reshaped value was. */
  readonly #origins = new Map<string, string>();

  constructor(model: Model, { block, shapes }: BlockedRequest) {
    const { graph } = model;
    this.#model = model;
    this.block = block;
    this.builder = new GraphBuilder(graph);
    this.builder.nodes.length = 0;
    this.words = blockedWords(this.builder);
    this.#shapes = new Map(shapes);
    for (const [name, { dims }] of graph.constants) this.#shapes.set(name, dims);
    for (const { name, shape } of graph.inputs)
      if (shape?.every((d) => typeof d === 'number')) this.#shapes.set(name, shape as number[]);
    const read = [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)];
    for (const name of read) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  /** The shape of a value, where known. */
  shape(value: string): readonly number[] | undefined {
    return this.#shapes.get(value);
  }

  /** Whether one node alone reads the value. */
  isPrivate(value: string): boolean {
    return this.#uses.get(value) === 1;
  }

  /** What a value was before Reshape; itself where it was not reshaped. */
  origin(value: string): string {
    return this.#origins.get(value) ?? value;
  }

  /** Whether the value is no constant of another type than float32. */
  isFloat(value: string): boolean {
    return (this.#model.graph.constants.get(value)?.type ?? 'float32') === 'float32';
  }

  /** Elements of a constant of whole numbers. */
  numbers(value: string): number[] | undefined {
    const constant = this.#model.graph.constants.get(value);
    return constant === undefined || constant.type !== 'int64'
      ? undefined
      : Array.from(tensorOf(constant).data as BigInt64Array, Number);
  }

  /** Whether the value exists, or is about to, in blocks. */
  isBlocked(value: string): boolean {
    return this.#blocked.has(value) || this.#pending.has(value);
  }

  /** Whether the shape [n, C, H, W] can be blocked. */
  fits(dims: readonly number[] | undefined): dims is readonly number[] {
    return dims?.length === 4 && (dims[1] as number) % this.block === 0;
  }

  /** The value in blocks; reordered where it only exists in plain order. */
  blocked(value: string): string {
    const found = this.#blocked.get(value) ?? this.#written(value) ?? this.words.blocked(value);
    this.#blocked.set(value, found);
    return found;
  }

  pending(value: string): Pending | undefined {
    return this.#blocked.has(value) ? undefined : this.#pending.get(value);
  }

  /** Says that a value is this blocked one. */
  set(value: string, blocked: string, dims: readonly number[]): true {
    this.#blocked.set(value, blocked);
    return this.#declare(value, dims);
  }

  /** Says what a value will be once it is read. */
  postpone(value: string, pending: Pending): true {
    this.#pending.set(value, pending);
    return this.#declare(value, pending.dims);
  }

  /** A value under a name that the graph had for it. */
  name(value: string, name: string): true {
    this.builder.nodes.push({
      name: '',
      op: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [name],
      attributes: new Map(),
    });
    return true;
  }

  /** A node as it is, its inputs in plain order. */
  keep(node: Node): void {
    if (node.domain === NCHWC && node.op === 'ReorderInput' && this.isBlocked(node.inputs[0] as string)) {
      this.name(this.blocked(node.inputs[0] as string), node.outputs[0] as string);
      return;
    }
    for (const input of node.inputs) this.plain(input);
    this.builder.nodes.push(node);
    if (node.domain === NCHWC && node.op === 'ReorderInput')
      this.#blocked.set(node.inputs[0] as string, node.outputs[0] as string);
    if (node.op !== 'Reshape' || node.domain !== '') return;
    const [source, dims] = [node.inputs[0] as string, this.numbers(node.inputs[1] as string)];
    const output = node.outputs[0] as string;
    this.#origins.set(output, this.origin(source));
    if (dims?.every((d) => d > 0)) this.#shapes.set(output, dims);
  }

  /** Sees to it that the value exists in plain order, under its own name. */
  plain(value: string): string {
    if (!this.#onlyBlocked.delete(value)) return value;
    const channels = this.shape(value)?.[1] as number;
    this.builder.nodes.push({
      name: '',
      op: 'ReorderOutput',
      domain: NCHWC,
      inputs: [this.blocked(value)],
      outputs: [value],
      attributes: new Map([['channels', { kind: 'int', value: channels }]]),
    });
    return value;
  }

  build(): Model {
    const { graph, opsets, irVersion } = this.#model;
    for (const { name } of graph.outputs) this.plain(name);
    const built = this.builder.build({ opsets, irVersion });
    return {
      ...this.#model,
      opsets: built.opsets,
      graph: { ...built.graph, name: graph.name, outputs: graph.outputs },
    };
  }

  #declare(value: string, dims: readonly number[]): true {
    this.#shapes.set(value, dims);
    this.#onlyBlocked.add(value);
    return true;
  }

  #written(value: string): string | undefined {
    const pending = this.#pending.get(value);
    if (pending === undefined) return undefined;
    if (pending.kind === 'conv') return this.#conv(pending.conv, pending.dims[1] as number);
    const [a, b] = pending.factors;
    return this.builder.emit('Mul', [this.blocked(a), this.blocked(b)]);
  }

  #conv(conv: PendingConv, channels: number): string {
    const { weight, scale, shift, ...rest } = conv;
    const { reshape } = this.words;
    const ones = [channels, 1, 1, 1];
    if (weight === undefined) {
      const filter = scale === undefined ? this.#ones(channels) : reshape(scale, ones);
      return this.words.conv({ ...rest, filter, bias: shift, group: channels, kernel: [1, 1] });
    }
    const scaled = scale === undefined ? weight.value : this.builder.emit('Mul', [weight.value, reshape(scale, ones)]);
    const filter = filterOrder(this.words, scaled, { dims: weight.dims, block: this.block });
    return this.words.conv({ ...rest, filter, bias: shift });
  }

  #ones(channels: number): string {
    return this.builder.constant({
      type: 'float32',
      dims: [channels, 1, 1, 1],
      data: new Float32Array(channels).fill(1),
    });
  }
}
