import { OnnxDecodeError } from '../errors/errors.ts';
import type { Graph, Model, Node } from '../ir/model.ts';
import { mapSubgraphs, readsOf } from '../ir/subgraphs.ts';

/** How many problems an error spells out. */
const LISTED = 20;

/**
 * Checks that a graph can be walked: every input defined, every value defined once, no cycle. Nodes that are only out
 * of order are sorted; the order is otherwise kept. Subgraphs may read what the graphs around them define.
 *
 * @returns the same model, or one with sorted nodes
 * @throws OnnxDecodeError  with all problems of the model, the first 20 spelled out, all in `fields.problems`
 * Cost: linear in nodes and their inputs.
 */
export function validateGraph(model: Model): Model {
  const problems: string[] = [];
  const graph = validate(model.graph, { has: () => false }, problems);
  if (problems.length > 0) {
    const more = problems.length > LISTED ? `; and ${problems.length - LISTED} more` : '';
    throw new OnnxDecodeError(`Cannot use the model: ${problems.slice(0, LISTED).join('; ')}${more}`, {
      fields: { problems },
    });
  }
  return graph === model.graph ? model : { ...model, graph };
}

interface Scope {
  has(name: string): boolean;
}

function validate(graph: Graph, outer: Scope, problems: string[]): Graph {
  const own = define(graph, problems);
  const scope: Scope = { has: (name) => own.has(name) || outer.has(name) };
  for (const node of graph.nodes) {
    if (node.op === '') problems.push(`${named(node)} has no operator`);
    for (const name of node.inputs)
      if (name !== '' && !scope.has(name)) problems.push(`${named(node)} reads "${name}", which nothing defines`);
  }
  for (const { name } of graph.outputs)
    if (!scope.has(name)) problems.push(`the output "${name}" is defined by nothing`);
  const nodes = graph.nodes.map((node) => mapSubgraphs(node, (inner) => validate(inner, scope, problems)));
  const sorted = sortNodes(nodes, problems);
  const same = sorted.length === graph.nodes.length && sorted.every((node, i) => node === graph.nodes[i]);
  return same ? graph : { ...graph, nodes: sorted };
}

/** The names that a graph itself defines; a constant may be an input too. */
function define(graph: Graph, problems: string[]): Set<string> {
  const names = new Set<string>();
  for (const { name } of graph.inputs) {
    if (names.has(name)) problems.push(`two inputs are named "${name}"`);
    names.add(name);
  }
  for (const name of graph.constants.keys()) names.add(name);
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (names.has(name)) problems.push(`${named(node)} defines "${name}", which is defined already`);
      names.add(name);
    }
  }
  return names;
}

function named(node: Node): string {
  return `node "${node.name || (node.outputs.find((name) => name !== '') ?? '')}" (${node.op})`;
}

/** Each node after those that it reads from, otherwise in the given order; nodes on a cycle are reported. */
function sortNodes(nodes: readonly Node[], problems: string[]): readonly Node[] {
  const maker = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of node.outputs) if (!maker.has(name)) maker.set(name, i);
  maker.delete('');
  if (nodes.every((node, i) => readsOf(node).every((name) => (maker.get(name) ?? -1) < i))) return nodes;
  const sources = nodes.map((node) =>
    readsOf(node)
      .map((name) => maker.get(name))
      .filter((i) => i !== undefined),
  );
  const order = new DepthFirst(sources);
  for (const i of nodes.keys()) order.visit(i);
  for (const i of order.onCycle)
    problems.push(`${named(nodes[i] as Node)} reads, by way of others, what it defines itself`);
  return order.done.map((i) => nodes[i] as Node);
}

/** Depth-first order without recursion: a chain may be a million nodes long. */
class DepthFirst {
  readonly done: number[] = [];
  readonly onCycle: number[] = [];
  readonly #sources: readonly (readonly number[])[];
  /** 0 = new, 1 = being visited, 2 = done. */
  readonly #state: Uint8Array;

  constructor(sources: readonly (readonly number[])[]) {
    this.#sources = sources;
    this.#state = new Uint8Array(sources.length);
  }

  visit(start: number): void {
    if (this.#state[start] !== 0) return;
    this.#state[start] = 1;
    const path: { node: number; next: number }[] = [{ node: start, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const source = this.#sources[top.node]?.[top.next++];
      if (source === undefined) this.#finish(path);
      else if (this.#state[source] === 1) this.onCycle.push(source);
      else if (this.#state[source] === 0) {
        this.#state[source] = 1;
        path.push({ node: source, next: 0 });
      }
    }
  }

  #finish(path: { node: number }[]): void {
    const { node } = path.pop() as { node: number };
    this.#state[node] = 2;
    this.done.push(node);
  }
}
