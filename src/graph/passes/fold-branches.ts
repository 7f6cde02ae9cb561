import { tensorOf } from '../../ir/access.ts';
import type { Constant, Graph, Node } from '../../ir/model.ts';
import type { Captured } from '../captured.ts';

/** Operators whose result differs from run to run. */
const RANDOM = /^(Random|Bernoulli|Multinomial|Dropout)/;
const MOST_STEPS = 200;

/**
 * Puts the branch that runs in the place of each If whose condition is known: a constant, or made of constants, ranks and
 * dimensions behind the first, which do not change from batch to batch. Works on graphs whose values all have names of their own
 * (`constantsToInitializers`).
 *
 * @param captured  values of a run, for conditions that are made of shapes; absent = only constants are known
 * @returns         the same graph if nothing is known
 */
export function foldBranches(graph: Graph, captured?: Captured): Graph {
  if (!graph.nodes.some(isIf)) return graph;
  const known = new KnownConditions(graph, captured);
  const constants = new Map(graph.constants);
  const unfold = (node: Node): Node[] => {
    const branch = isIf(node) ? branchOf(node, known.value(node.inputs[0] ?? '')) : undefined;
    if (branch === undefined) return [node];
    for (const [name, constant] of branch.constants) constants.set(name, constant);
    return [...branch.nodes.flatMap(unfold), ...handedOn(branch, node)];
  };
  const nodes = graph.nodes.flatMap(unfold);
  return nodes.some((node, i) => node !== graph.nodes[i]) ? { ...graph, nodes, constants } : graph;
}

function isIf(node: Node): boolean {
  return node.op === 'If' && node.domain === '';
}

function branchOf(node: Node, condition: boolean | undefined): Graph | undefined {
  if (condition === undefined) return undefined;
  const attribute = node.attributes.get(condition ? 'then_branch' : 'else_branch');
  return attribute?.kind === 'graph' ? attribute.value : undefined;
}

/** The branch's outputs under the names that the If gave them. */
function handedOn(branch: Graph, node: Node): Node[] {
  return node.outputs.flatMap((output, i) => {
    const from = branch.outputs[i]?.name;
    if (output === '' || from === undefined) return [];
    return [
      { name: '', op: 'Identity', domain: '', inputs: [from], outputs: [output], attributes: new Map() } satisfies Node,
    ];
  });
}

class KnownConditions {
  readonly #graph: Graph;
  readonly #captured: Captured | undefined;
  readonly #makers: ReadonlyMap<string, Node>;
  readonly #fed: ReadonlySet<string>;

  constructor(graph: Graph, captured: Captured | undefined) {
    this.#graph = graph;
    this.#captured = captured;
    this.#makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((y) => [y, node] as const)));
    this.#fed = new Set(graph.inputs.map(({ name }) => name));
  }

  value(name: string): boolean | undefined {
    const constant = this.#constant(name);
    if (constant !== undefined) return truthOf(constant);
    const value = this.#captured?.get(name)?.value;
    return value !== undefined && this.#isFixed(name) && value.data.length === 1
      ? Number(value.data[0]) !== 0
      : undefined;
  }

  /** A constant that nobody can feed another value for. */
  #constant(name: string): Constant | undefined {
    return this.#fed.has(name) ? undefined : this.#graph.constants.get(name);
  }

  /** Whether a value is the same for every batch: it comes from constants, ranks, and dimensions behind the first alone. */
  #isFixed(name: string): boolean {
    const open = [name];
    const seen = new Set(open);
    for (let value = open.pop(); value !== undefined; value = open.pop()) {
      if (value === '' || this.#constant(value) !== undefined) continue;
      const node = this.#makers.get(value);
      if (node === undefined || node.domain !== '' || seen.size > MOST_STEPS) return false;
      if (this.#readsFixedShape(node)) continue;
      if (node.op === 'Shape' || node.op === 'Size' || RANDOM.test(node.op) || node.inputs.length === 0) return false;
      if ([...node.attributes.values()].some(({ kind }) => kind === 'graph')) return false;
      for (const input of node.inputs) if (!seen.has(input)) open.push(input);
      for (const input of node.inputs) seen.add(input);
    }
    return true;
  }

  /** Whether a node gives a rank, or dimensions behind the first. */
  #readsFixedShape(node: Node): boolean {
    if (node.op === 'Shape') return startOf(node) >= 1 || this.#isShape(node.inputs[0]);
    if (!this.#isShape(node.inputs[0])) return false;
    if (node.op === 'Size') return true;
    const places = node.op === 'Gather' || node.op === 'Slice' ? this.#numbers(node.inputs[1]) : undefined;
    const rank = this.#captured?.get(node.inputs[0] ?? '')?.dims[0] ?? 0;
    const isForward = node.op === 'Gather' || (this.#numbers(node.inputs[4]) ?? [1]).every((step) => step > 0);
    return isForward && (places?.every((place) => (place < 0 ? place + rank : place) >= 1) ?? false);
  }

  #isShape(name: string | undefined): boolean {
    const node = this.#makers.get(name ?? '');
    return node?.op === 'Shape' && node.domain === '' && !node.attributes.has('start');
  }

  #numbers(name: string | undefined): number[] | undefined {
    const constant = this.#constant(name ?? '');
    if (constant === undefined || !/^u?int\d+$/.test(constant.type) || constant.type.endsWith('t4')) return undefined;
    return Array.from(tensorOf(constant).data as ArrayLike<number | bigint>, Number);
  }
}

function startOf(node: Node): number {
  const start = node.attributes.get('start');
  return start?.kind === 'int' ? Number(start.value) : 0;
}

/** A condition is one boolean; anything else is the runtime's to refuse. */
function truthOf({ type, raw }: Constant): boolean | undefined {
  return type === 'bool' && raw instanceof Uint8Array && raw.length === 1 ? raw[0] !== 0 : undefined;
}
