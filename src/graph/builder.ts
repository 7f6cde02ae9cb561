import { type AttributeLike, attributes, constantOf } from '../ir/access.ts';
import type { Constant, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { definedIn, withSubgraphs } from '../ir/subgraphs.ts';
import { int64, type Tensor } from '../tensor/tensor.ts';

/** A value [rows, a, b] by its factors: y[i] = left[i] right[i]'. */
export interface OuterProduct {
  /** A value of rows x a elements, and a. */
  readonly left: readonly [value: string, length: number];
  /** A value of rows x b elements, and b. */
  readonly right: readonly [value: string, length: number];
}

/**
 * Grows a graph node by node, on top of an existing one or from nothing. Names are made unique.
 * Emits operators in the form they have from opset 17 on; one of another domain than ai.onnx is named `domain::Op`.
 */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Constant>();
  readonly inputs: ValueInfo[] = [];
  readonly outputs: ValueInfo[] = [];
  /** Shapes of emitted values, where whoever emitted them said so. */
  readonly shapes = new Map<string, readonly number[]>();
  /** Emitted values that are an outer product in each row, where whoever emitted them said so. */
  readonly outers = new Map<string, OuterProduct>();
  /** What was made once and is used again, by key; see `once` of the vocabulary. */
  readonly made = new Map<string, unknown>();
  readonly #taken = new Set<string>();
  readonly #shared = new Map<string, string>();
  #count = 0;

  constructor(base?: Graph) {
    if (base === undefined) return;
    for (const node of base.nodes) this.nodes.push(node);
    for (const input of base.inputs) this.inputs.push(input);
    for (const [name, constant] of base.constants) this.constants.set(name, constant);
    for (const graph of withSubgraphs(base)) for (const name of definedIn(graph)) this.#taken.add(name);
  }

  /** A value name that nothing has yet. */
  fresh(stem: string): string {
    let name = stem;
    while (name === '' || this.#taken.has(name)) name = `${stem}~${++this.#count}`;
    this.#taken.add(name);
    return name;
  }

  /** Adds a node with one output and returns that output's name. */
  emit(op: string, inputs: readonly string[], values: Readonly<Record<string, AttributeLike>> = {}, stem = op): string {
    return this.emitAll(op, inputs, 1, values, stem)[0] as string;
  }

  /** Adds a node with several outputs and returns their names. */
  emitAll(
    op: string,
    inputs: readonly string[],
    count: number,
    values: Readonly<Record<string, AttributeLike>> = {},
    stem = op,
  ): string[] {
    const at = op.lastIndexOf('::');
    const [domain, own] = at < 0 ? ['', op] : [op.slice(0, at), op.slice(at + 2)];
    const root = stem === op ? own : stem;
    const outputs = Array.from({ length: count }, () => this.fresh(`${root}~${++this.#count}`));
    this.nodes.push({ name: '', op: own, domain, inputs, outputs, attributes: attributes(values) });
    return outputs;
  }

  /** Adds a constant and returns its name. */
  constant(tensor: Tensor, stem = 'constant'): string {
    const name = this.fresh(`${stem}~${++this.#count}`);
    this.constants.set(name, constantOf(tensor));
    return name;
  }

  /** A one-dimensional int64 constant; equal ones are shared. */
  ints(values: readonly number[]): string {
    return this.#once(`ints:${values.join(',')}`, () => this.constant(int64(values), 'ints'));
  }

  /** A scalar of a float type; equal ones are shared. */
  scalar(value: number, type: 'float32' | 'float64' = 'float32'): string {
    const data = type === 'float32' ? Float32Array.of(value) : Float64Array.of(value);
    return this.#once(`${type}:${value}`, () => this.constant({ type, dims: [], data }, 'scalar'));
  }

  #once(key: string, make: () => string): string {
    const name = this.#shared.get(key) ?? make();
    this.#shared.set(key, name);
    return name;
  }

  /** Declares an input to be fed. */
  input(info: ValueInfo): string {
    const name = this.fresh(info.name);
    this.inputs.push({ ...info, name });
    return name;
  }

  /** Declares a value as an output under a name of its own. */
  output(value: string, name: string): void {
    const own = this.fresh(name);
    this.nodes.push({ name: '', op: 'Identity', domain: '', inputs: [value], outputs: [own], attributes: new Map() });
    this.outputs.push({ name: own, type: null, shape: null });
  }

  /** Declares a value as an output under its present name. */
  expose(value: string): void {
    this.outputs.push({ name: value, type: null, shape: null });
  }

  /** The finished model; domains that the opsets do not name are imported at version 1. */
  build(
    options: { opset?: number; opsets?: ReadonlyMap<string, number>; irVersion?: number; name?: string } = {},
  ): Model {
    const opsets = new Map(options.opsets ?? [['', options.opset ?? 17]]);
    for (const { domain } of this.nodes) if (!opsets.has(domain)) opsets.set(domain, 1);
    return {
      irVersion: options.irVersion ?? 8,
      opsets,
      producer: 'coppice',
      graph: {
        name: options.name ?? 'graph',
        nodes: this.nodes,
        inputs: this.inputs,
        outputs: this.outputs,
        valueInfo: [],
        constants: this.constants,
      },
    };
  }
}
