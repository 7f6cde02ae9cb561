import { OnnxDecodeError } from '../errors/errors.ts';
import type { Attribute, Graph, Model, Node } from '../ir/model.ts';
import { definedIn, hasSubgraphs, mapSubgraphs, renameNode, subgraphsOf, withSubgraphs } from '../ir/subgraphs.ts';
import type { FunctionLibrary, LocalFunction } from './functions.ts';
import type { AttributeOrigin } from './origin.ts';

/** Nodes and names that all calls together may come to: functions that call each other double with every level. */
const MOST_PARTS = 2 ** 20;
/** Steps of a name that are told apart. */
const MOST_STEPS = 32;
/** Calls inside calls, and graphs inside graphs, that are followed. */
const DEEPEST = 64;

/**
 * Writes the bodies of the file's own functions in the place of their calls, in subgraphs too. Names get the name of the call
 * before them. Bodies are read in the operator sets of the model, as onnxruntime does.
 *
 * @returns the same graph if nothing calls a function; operator sets with those that only functions import
 * @throws OnnxDecodeError if functions call each other in a circle, a call has more inputs or outputs than its function, or
 *                         the graph would become too large
 */
export function inlineFunctions(
  model: Pick<Model, 'graph' | 'opsets'>,
  library: FunctionLibrary,
): Pick<Model, 'graph' | 'opsets'> {
  const opsets = new Map(model.opsets);
  new Surveyor(library).refuseTooLarge(model.graph);
  const graph = new Inliner(model.graph, library, opsets).graph(model.graph, []);
  return graph === model.graph ? model : { graph, opsets };
}

/** Where a node stands: the functions whose bodies it came out of, and a mark for each graph around it. */
type Stack = readonly (LocalFunction | 'graph')[];

/** What the calls among some nodes come to. */
interface Extent {
  /** Nodes and names. */
  readonly parts: number;
  /** Calls inside calls, and graphs inside graphs. */
  readonly height: number;
}

/** Finds what all calls come to before any is written out. */
class Surveyor {
  readonly #library: FunctionLibrary;
  readonly #known = new Map<LocalFunction, Extent>();

  constructor(library: FunctionLibrary) {
    this.#library = library;
  }

  refuseTooLarge(graph: Graph): void {
    if (this.#callsIn(graph.nodes, []).parts > MOST_PARTS) throw tooLarge([]);
  }

  #callsIn(nodes: readonly Node[], stack: Stack): Extent {
    let [parts, height] = [0, 0];
    const add = (extent: Extent): void => {
      parts += extent.parts;
      height = Math.max(height, 1 + extent.height);
      if (stack.length + height > DEEPEST) throw tooDeep(stack);
    };
    for (const node of nodes) {
      for (const graph of subgraphsOf(node)) add(this.#callsIn(graph.nodes, [...stack, 'graph']));
      const called = this.#library(node);
      if (called !== undefined) add(this.#bodyOf(called, stack));
    }
    return { parts, height };
  }

  #bodyOf(called: LocalFunction, stack: Stack): Extent {
    if (stack.includes(called)) throw refusal(`its function "${called.label}" calls itself`, stack);
    const known = this.#known.get(called);
    if (known !== undefined) return known;
    const inner = this.#callsIn(called.nodes, [...stack, called]);
    const extent = { ...inner, parts: inner.parts + called.nodes.reduce((sum, node) => sum + partsOf(node), 0) };
    this.#known.set(called, extent);
    return extent;
  }
}

class Inliner {
  readonly #library: FunctionLibrary;
  readonly #opsets: Map<string, number>;
  readonly #outermost: Graph;
  /** Every name of a value; found when the first call is. */
  #taken: Set<string> | undefined;
  /** What stands before a slash in a name of the model, or before the names of a call. */
  #stems: Set<string> | undefined;
  #count = 0;
  #parts = 0;

  constructor(graph: Graph, library: FunctionLibrary, opsets: Map<string, number>) {
    this.#outermost = graph;
    this.#library = library;
    this.#opsets = opsets;
  }

  graph(graph: Graph, stack: Stack): Graph {
    const nodes = graph.nodes.flatMap((node) => this.#node(node, stack));
    const same = nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i]);
    return same ? graph : { ...graph, nodes };
  }

  #node(node: Node, stack: Stack): Node[] {
    if (stack.length > DEEPEST) throw tooDeep(stack);
    const own = mapSubgraphs(node, (graph) => this.graph(graph, [...stack, 'graph']));
    const called = this.#library(node);
    if (called === undefined) return [own];
    for (const [domain, version] of called.opsets) if (!this.#opsets.has(domain)) this.#opsets.set(domain, version);
    return this.#call(own, called).flatMap((inner) => this.#node(inner, [...stack, called]));
  }

  /** The body of a function with the names and attributes of one call. */
  #call(call: Node, body: LocalFunction): Node[] {
    refuseSurplus(call, body);
    const stem = this.#stem(call.name || (call.outputs.find((name) => name !== '') ?? body.label));
    const fresh = (name: string): string => this.#fresh(`${stem}/${name}`);
    const names = new Map(body.inputs.map((name, i) => [name, call.inputs[i] ?? '']));
    const passed: Node[] = [];
    for (const [i, name] of body.outputs.entries()) {
      const wanted = call.outputs[i] ?? '';
      if (wanted === '') continue;
      const known = names.get(name);
      if (known === undefined) names.set(name, wanted);
      else passed.push(identity(known, wanted));
    }
    for (const node of body.nodes)
      for (const name of node.outputs) if (name !== '' && !names.has(name)) names.set(name, fresh(name));
    const outer = (name: string): string => names.get(name) ?? `${stem}/${name}`;
    const nodes = body.nodes.map((node) =>
      withAttributes(renameNode(node, { outer, fresh, prefix: `${stem}/` }), call, body),
    );
    this.#parts += [...nodes, ...passed].reduce((sum, node) => sum + partsOf(node), 0);
    if (this.#parts > MOST_PARTS) throw tooLarge([body]);
    return [...nodes, ...passed];
  }

  /** What stands before the names of one call and of nothing else: the runtime takes no two nodes of one name. */
  #stem(wanted: string): string {
    this.#stems ??= new Set(
      withSubgraphs(this.#outermost).flatMap(({ nodes }) => nodes.flatMap(({ name }) => stemsOf(name))),
    );
    let stem = wanted;
    while (this.#stems.has(stem)) stem = `${wanted}~${++this.#count}`;
    this.#stems.add(stem);
    return stem;
  }

  #fresh(stem: string): string {
    this.#taken ??= new Set(withSubgraphs(this.#outermost).flatMap((graph) => [...definedIn(graph)]));
    let name = stem;
    while (this.#taken.has(name)) name = `${stem}~${++this.#count}`;
    this.#taken.add(name);
    return name;
  }
}

/** `a` and `a/b` of `a/b/c`; of names with very many steps, the first. */
function stemsOf(name: string): string[] {
  const steps = name.split('/', MOST_STEPS);
  return steps.slice(1).map((_, i) => steps.slice(0, i + 1).join('/'));
}

function refusal(what: string, stack: Stack): OnnxDecodeError {
  const functions = stack.flatMap((at) => (at === 'graph' ? [] : [at.label]));
  return new OnnxDecodeError(`Cannot read the model: ${what}`, { fields: { functions } });
}

function tooLarge(stack: Stack): OnnxDecodeError {
  return refusal(`with its functions written out it has more than ${MOST_PARTS} nodes and names`, stack);
}

function tooDeep(stack: Stack): OnnxDecodeError {
  return refusal(`its functions and graphs lie more than ${DEEPEST} deep in each other`, stack);
}

function refuseSurplus(call: Node, { label, inputs, outputs }: LocalFunction): void {
  if (call.inputs.length <= inputs.length && call.outputs.length <= outputs.length) return;
  const [has, gives] = [
    `${inputs.length} inputs and ${outputs.length} outputs`,
    `${call.inputs.length} and ${call.outputs.length}`,
  ];
  throw refusal(`node "${call.name || call.outputs[0]}" calls "${label}", which has ${has}, with ${gives}`, []);
}

function identity(from: string, to: string): Node {
  return { name: '', op: 'Identity', domain: '', inputs: [from], outputs: [to], attributes: new Map() };
}

function partsOf(node: Node): number {
  const own = 1 + node.inputs.length + node.outputs.length + node.attributes.size;
  if (!hasSubgraphs(node)) return own;
  const inner = subgraphsOf(node).flatMap(({ nodes, constants, inputs, outputs }) => [
    constants.size + inputs.length + outputs.length,
    ...nodes.map(partsOf),
  ]);
  return inner.reduce((sum, parts) => sum + parts, own);
}

/** Attributes that stand for the call's get its values, or the function's own; without either they are left out. */
function withAttributes(node: Node, call: Node, body: LocalFunction): Node {
  const inner = mapSubgraphs(node, (graph) => ({
    ...graph,
    nodes: graph.nodes.map((one) => withAttributes(one, call, body)),
  }));
  if (![...inner.attributes.values()].some((attribute) => reference(attribute) !== '')) return inner;
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of inner.attributes) {
    const meant = reference(attribute);
    const value = meant === '' ? attribute : (call.attributes.get(meant) ?? body.defaults.get(meant));
    if (value !== undefined) attributes.set(name, value);
  }
  return { ...inner, attributes };
}

/** The name of the function's attribute that an attribute stands for, or ''. */
function reference({ origin }: Attribute): string {
  return (origin as AttributeOrigin | undefined)?.proto.refAttrName ?? '';
}
