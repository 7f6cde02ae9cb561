import { OptionError, UnsupportedOpError } from '../errors/errors.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import type { Captured } from '../graph/captured.ts';
import { loweringRefusal } from '../graph/passes/lower.ts';
import type { Graph, Node } from '../ir/model.ts';
import { readsOf } from '../ir/subgraphs.ts';
import { formOf, ruleContext, type Surroundings, shapeOf, vocabulary } from './context.ts';
import { moveRows } from './move-rows.ts';
import { isZeroGradient, ruleOf } from './registry.ts';
import type { NodeForm } from './rule.ts';

/** What to differentiate. */
export interface BackwardRequest {
  /** Holds the forward nodes already; the gradient is added to it. */
  readonly builder: GraphBuilder;
  readonly graph: Graph;
  readonly captured: Captured;
  /** Of ai.onnx, 17 or later (see liftOpset). */
  readonly opset: number;
  /** Cotangents of values of the graph: value name -> name of a value of the same shape in the builder. */
  readonly cotangents: ReadonlyMap<string, string>;
  /** Constants or inputs whose gradients are wanted. */
  readonly targets: readonly string[];
  /** With `rows`, gradients are [rows, ...shape]: the samples of a batch fall into `rows` equal groups in order. */
  readonly rows?: number;
  readonly type?: 'float32' | 'float64';
  /** Channels in a block of the engine's blocked layout (`channelBlock`); absent = only standard operators are written. */
  readonly block?: number;
}

/** Which values lie on the way from the targets to the cotangents. */
export interface Paths {
  /** Values that depend on a target and reach a cotangent's value. */
  readonly active: ReadonlySet<string>;
  /** Active values that depend on no graph input: the targets and what is computed from them alone. */
  readonly parameterOnly: ReadonlySet<string>;
  /** What is known of a node on the way. */
  readonly form: (node: Node) => NodeForm;
}

/** Finds the active values. Cost: two passes over the nodes. */
export function activePaths(
  graph: Graph,
  captured: Captured,
  targets: readonly string[],
  ends: Iterable<string>,
): Paths {
  const depends = new Set(targets);
  const dataDriven = new Set(graph.inputs.filter((i) => !graph.constants.has(i.name)).map((i) => i.name));
  for (const node of graph.nodes) {
    const reads = readsOf(node);
    if (reads.some((name) => dataDriven.has(name))) for (const y of node.outputs) dataDriven.add(y);
    if (isZeroGradient(node) || !reads.some((name) => depends.has(name))) continue;
    const isWhole = standsForReals(node, (x) => depends.has(x) && !isReal(captured, x));
    for (const y of node.outputs) if (y !== '' && (isWhole || isReal(captured, y))) depends.add(y);
  }
  const reaches = new Set(ends);
  for (const node of [...graph.nodes].reverse()) {
    if (!isZeroGradient(node) && node.outputs.some((y) => reaches.has(y)))
      for (const x of readsOf(node)) if (x !== '') reaches.add(x);
  }
  const active = new Set([...depends].filter((name) => reaches.has(name)));
  const form = (node: Node): NodeForm => formOf({ captured, constants: graph.constants }, node);
  return { active, parameterOnly: new Set([...active].filter((name) => !dataDriven.has(name))), form };
}

function isReal(captured: Captured, value: string): boolean {
  return (captured.get(value)?.type ?? 'float32').startsWith('float');
}

/** Whether a node's whole numbers stand for real ones: it rounds them by a scale, or goes on from such. So a gradient does not end there unseen. */
function standsForReals({ op, inputs }: Node, isWholeOnPath: (value: string) => boolean): boolean {
  return op === 'QuantizeLinear' || op === 'DynamicQuantizeLinear' || inputs.some(isWholeOnPath);
}

/** A node that no gradient can be written for, and why. */
export interface Obstacle {
  readonly node: Node;
  readonly reason: string;
}

/** Nodes on active paths that have no gradient rule, or a form that their rule refuses. */
export function undifferentiableNodes(graph: Graph, paths: Paths): Obstacle[] {
  return graph.nodes.flatMap((node) => {
    if (!isOnPath(node, paths)) return [];
    const rule = ruleOf(node);
    const form = paths.form(node);
    const reason = rule === undefined ? (loweringRefusal(form) ?? 'no gradient rule') : rule.refuses?.(form);
    return reason === undefined ? [] : [{ node, reason }];
  });
}

/**
 * The targets whose gradient some undifferentiable node stands in the way of; all others can be differentiated without
 * them. Cost: one pass over the nodes.
 */
export function targetsBehind(graph: Graph, paths: Paths, targets: readonly string[]): string[] {
  const obstacles = new Set(undifferentiableNodes(graph, paths).map(({ node }) => node));
  const behind = new Set<string>();
  for (const node of [...graph.nodes].reverse()) {
    if (!isOnPath(node, paths) || !(obstacles.has(node) || node.outputs.some((y) => behind.has(y)))) continue;
    for (const x of readsOf(node)) if (paths.active.has(x)) behind.add(x);
  }
  return targets.filter((target) => behind.has(target));
}

function isOnPath(node: Node, { active }: Paths): boolean {
  return node.outputs.some((y) => active.has(y)) && !isZeroGradient(node) && readsOf(node).some((x) => active.has(x));
}

/** Whether gradients can be split by samples: every operator that takes a parameter has a per-sample rule. */
export function isSeparable(graph: Graph, paths: Paths): boolean {
  return graph.nodes.every((node) => {
    if (!isOnPath(node, paths)) return true;
    const parameters = [...node.inputs.keys()].filter((i) => paths.parameterOnly.has(node.inputs[i] as string));
    if (parameters.length === 0) return true;
    if (paths.parameterOnly.has(node.outputs[0] ?? '')) return moveRows.has(node.op);
    const rule = ruleOf(node);
    return rule?.rows !== undefined && parameters.every((i) => rule.separates?.(paths.form(node), i) ?? true);
  });
}

/**
 * Writes the reverse-mode gradient of a graph as more nodes in the builder.
 *
 * @returns gradient value by target, shaped as the target, or [rows, ...shape]; a target without influence is absent
 * @throws UnsupportedOpError  listing every node on the way that has no rule, before anything is emitted
 * @throws OptionError         if `rows` is asked for where samples cannot be told apart (see isSeparable)
 * Cost: at run time about two forward passes, and for per-sample rows of convolutions one im2col each.
 */
export function backward(request: BackwardRequest): Map<string, string> {
  const { graph, captured, targets, cotangents, rows } = request;
  const paths = activePaths(graph, captured, targets, cotangents.keys());
  const refused = undifferentiableNodes(graph, paths);
  if (refused.length > 0) throw unsupported(refused, request.opset, targetsBehind(graph, paths, targets));
  if (rows !== undefined && !isSeparable(graph, paths))
    throw new OptionError(
      'Cannot take gradients for each sample: a weight is used by an operator that mixes samples; use rows of one batch each',
    );
  return new Walk(request, paths).run();
}

function unsupported(refused: readonly Obstacle[], opset: number, weights: readonly string[]): UnsupportedOpError {
  const list = refused.map(
    ({ node, reason }) =>
      `"${node.name || node.outputs[0]}" (${node.domain === '' ? '' : `${node.domain}.`}${node.op}, opset ${opset}): ${reason}`,
  );
  const [nodes, them] = refused.length === 1 ? ['node', 'it'] : ['nodes', 'them'];
  return new UnsupportedOpError(
    `Cannot differentiate ${nodes} ${list.join('; ')}; exclude the weights behind ${them}, or use a method without gradients`,
    {
      fields: {
        weights,
        nodes: refused.map(({ node, reason }) => ({ name: node.name, op: node.op, domain: node.domain, reason })),
      },
      remedies: [{ option: 'exclude' }, { option: 'method', value: 'magnitude' }],
    },
  );
}

/** One reverse pass. Cotangents gather by value name until the node that made the value is reached. */
class Walk {
  readonly #at: Surroundings;
  readonly #gathered = new Map<string, string[]>();
  readonly #request: BackwardRequest;
  readonly #paths: Paths;

  constructor(request: BackwardRequest, paths: Paths) {
    this.#request = request;
    this.#paths = paths;
    const { builder, captured, graph, opset, type, block } = request;
    this.#at = { builder, captured, constants: graph.constants, opset, type: type ?? 'float32', block: block ?? 1 };
  }

  run(): Map<string, string> {
    const { cotangents, graph, targets } = this.#request;
    for (const [value, cotangent] of cotangents) this.#gathered.set(value, [cotangent]);
    for (const node of [...graph.nodes].reverse()) if (isOnPath(node, this.#paths)) this.#visit(node);
    const gradients = new Map<string, string>();
    for (const target of targets) {
      const gradient = this.#total(target);
      if (gradient !== undefined) gradients.set(target, gradient);
    }
    return gradients;
  }

  #visit(node: Node): void {
    const dy = node.outputs.map((y) => (this.#paths.active.has(y) ? this.#total(y) : undefined));
    if (dy.every((d) => d === undefined)) return;
    const { rows } = this.#request;
    if (rows !== undefined && this.#paths.parameterOnly.has(node.outputs[0] ?? ''))
      return this.#moveRows(node, dy[0] as string, rows);
    const active = (input: number): boolean => this.#paths.active.has(node.inputs[input] ?? '');
    const perRow = (input: number): boolean =>
      rows !== undefined && this.#paths.parameterOnly.has(node.inputs[input] ?? '');
    const context = ruleContext(this.#at, node, dy, (input) => active(input) && !perRow(input));
    const rule = ruleOf(node);
    if (rule === undefined) return;
    if (node.inputs.some((_, i) => context.needs(i)))
      rule.backward(context).forEach((gradient, i) => this.#add(node.inputs[i] ?? '', gradient));
    node.inputs.forEach((name, i) => {
      if (rows === undefined || !active(i) || !perRow(i)) return;
      const single = ruleContext(this.#at, node, dy, (input) => input === i);
      const samples = rule.sampleAxes === undefined ? single.outShape(0)[0] : single.shape(0)[rule.sampleAxes.input];
      if ((samples ?? 1) % rows !== 0)
        throw new OptionError(`Cannot take ${rows} rows of gradients from a leading dimension of ${samples}`);
      this.#add(name, rule.rows?.(single, i, rows) ?? null);
    });
  }

  #moveRows(node: Node, dy: string, rows: number): void {
    const input = node.inputs.findIndex((x) => this.#paths.parameterOnly.has(x));
    const name = node.inputs[input] ?? '';
    const move = moveRows.get(node.op);
    if (move !== undefined)
      this.#add(name, move({ words: vocabulary(this.#at), node, dy, rows, shape: shapeOf(this.#at, name) }));
  }

  #add(value: string, gradient: string | null): void {
    if (gradient === null || value === '' || !this.#paths.active.has(value)) return;
    if (this.#request.rows === undefined || !this.#paths.parameterOnly.has(value))
      this.#at.builder.shapes.set(gradient, shapeOf(this.#at, value));
    const list = this.#gathered.get(value);
    if (list === undefined) this.#gathered.set(value, [gradient]);
    else list.push(gradient);
  }

  #total(value: string): string | undefined {
    const parts = this.#gathered.get(value);
    if (parts === undefined || parts.length === 0) return undefined;
    const { builder } = this.#request;
    const total = parts.length === 1 ? (parts[0] as string) : builder.emit('Sum', parts);
    const dims = builder.shapes.get(parts[0] as string);
    if (dims !== undefined) builder.shapes.set(total, dims);
    this.#gathered.set(value, [total]);
    return total;
  }
}
