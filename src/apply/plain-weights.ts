import { constantsOf, replaceConstants } from '../graph/constants.ts';
import { dequantisation, isLinearOperator, type Quantisation, sameQuantisation } from '../graph/quantised.ts';
import { constantOf } from '../ir/access.ts';
import type { Constant, Graph, Model, Node } from '../ir/model.ts';
import { outerReads, subgraphsOf } from '../ir/subgraphs.ts';
import { type DataType, sizeOf } from '../tensor/tensor.ts';
import { constantLike, numbersOf } from './stored-numbers.ts';

/** Bytes of the whole numbers that floats are rounded to. */
const BYTES: Readonly<Partial<Record<DataType, number>>> = { int8: 1, uint8: 1, int16: 2, uint16: 2 };

/** A model whose weights are the numbers that they mean, and the way back. */
export interface PlainWeights {
  readonly model: Model;
  /** The model as the file has it, with the constants of a changed `model`: rounded to the nearest whole numbers, zeros kept. */
  readonly back: (changed: Model) => Model;
}

/**
 * The model with weights that are stored as whole numbers for a DequantizeLinear, or rounded by QuantizeLinear and DequantizeLinear on
 * their way to where they are used, as the float32 numbers that they mean: so gradients and layer problems reach them. Names of constants
 * and values stay.
 *
 * @returns null where there are none
 * Cost: 4 bytes for each weight that is stored as a whole number.
 */
export function plainWeights(model: Model): PlainWeights | null {
  const { graph } = model;
  const at = surroundings(graph);
  const stored = new Map([...storedWhole(at), ...roundedFloats(graph, at)]);
  const passed = new Set([...stored.values()].flatMap(({ passed: nodes }) => nodes));
  if (passed.size === 0) return null;
  const real = new Map([...stored].map(([name, one]) => [name, meant(one)]));
  const values = new Set([...passed].flatMap(({ outputs }) => outputs));
  const nodes = graph.nodes.map((node) => (passed.has(node) ? handedOn(node) : node));
  const valueInfo = graph.valueInfo.filter(({ name }) => !values.has(name));
  const plain = { ...model, graph: replaceConstants({ ...graph, nodes, valueInfo }, real) };
  return { model: plain, back: (changed) => backTo({ original: model, plain, passed, stored }, changed) };
}

interface Surroundings {
  readonly constants: ReadonlyMap<string, Constant>;
  /** The nodes that read each value. */
  readonly readers: ReadonlyMap<string, readonly Node[]>;
  /** Values that something else reads: the graph's own outputs, or subgraphs. */
  readonly seen: ReadonlySet<string>;
}

function surroundings(graph: Graph): Surroundings {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes)
    for (const name of node.inputs) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node]);
      else if (!list.includes(node)) list.push(node);
    }
  const ends = [...graph.inputs, ...graph.outputs].map(({ name }) => name);
  const inside = graph.nodes.flatMap((node) => subgraphsOf(node).flatMap(outerReads));
  return { constants: constantsOf(graph), readers, seen: new Set([...ends, ...inside]) };
}

interface Stored {
  readonly constant: Constant;
  readonly quantisation: Quantisation;
  /** The nodes that make the numbers of it that are used. */
  readonly passed: readonly Node[];
  /** Of floats that are rounded when the model runs: the type of whole numbers in between. */
  readonly between?: DataType;
}

/** Constants of whole numbers that nothing but nodes of DequantizeLinear reads, all of them in one way. */
function storedWhole({ constants, readers, seen }: Surroundings): Map<string, Stored> {
  const found = new Map<string, Stored>();
  for (const [name, constant] of constants) {
    const reading = readers.get(name) ?? [];
    if (reading.length === 0 || seen.has(name)) continue;
    const all = reading.map((node) => (node.inputs[0] === name ? meaning(node, constant, constants) : undefined));
    const [quantisation] = all;
    if (quantisation !== undefined && all.every((other) => sameQuantisation(other, quantisation)))
      found.set(name, { constant, quantisation, passed: reading });
  }
  return found;
}

/** How a node reads whole numbers, where it makes float32 numbers of them. */
function meaning(
  node: Node,
  whole: Pick<Constant, 'type' | 'dims'>,
  constants: ReadonlyMap<string, Constant>,
): Quantisation | undefined {
  const isReal = constants.get(node.inputs[1] ?? '')?.type === 'float32';
  return isReal && isLinearOperator(node, 'DequantizeLinear')
    ? dequantisation(node, whole, (name) => constants.get(name))
    : undefined;
}

/** Constants of float32 numbers that nothing but a QuantizeLinear reads, with nodes of DequantizeLinear by the same scale behind it. */
function roundedFloats(graph: Graph, { constants, readers, seen }: Surroundings): Map<string, Stored> {
  const found = new Map<string, Stored>();
  for (const node of graph.nodes) {
    const [name = '', scale = '', zero = ''] = node.inputs;
    const [whole = ''] = node.outputs;
    const constant = constants.get(name);
    const isAlone = (readers.get(name) ?? []).length === 1 && !seen.has(name) && !seen.has(whole);
    if (!isLinearOperator(node, 'QuantizeLinear') || constant?.type !== 'float32' || !isAlone) continue;
    const behind = readers.get(whole) ?? [];
    const isPair = ({ inputs }: Node): boolean => inputs[1] === scale && (inputs[2] ?? '') === zero;
    const between = zero === '' ? 'uint8' : constants.get(zero)?.type;
    if (behind.length === 0 || !behind.every(isPair) || between === undefined || BYTES[between] === undefined) continue;
    const all = behind.map((one) => meaning(one, { type: between, dims: constant.dims }, constants));
    const [quantisation] = all;
    if (quantisation !== undefined && all.every((other) => sameQuantisation(other, quantisation)))
      found.set(name, { constant, quantisation, passed: [node, ...behind], between });
  }
  return found;
}

/** A node that gives what it is given. */
function handedOn({ name, inputs, outputs }: Node): Node {
  return { name, op: 'Identity', domain: '', inputs: inputs.slice(0, 1), outputs, attributes: new Map() };
}

/** The numbers that the model computes with. */
function meant({ constant, quantisation, between }: Stored): Constant {
  const whole = between === undefined ? constant : wholeLike(constant, between, quantisation);
  const data = new Float32Array(numbersOf(whole, quantisation));
  return constantOf({ type: 'float32', dims: constant.dims, data });
}

function wholeLike(constant: Constant, type: DataType, quantisation: Quantisation): Constant {
  const raw = new Uint8Array(sizeOf(constant.dims) * (BYTES[type] ?? 1));
  return constantLike({ type, dims: constant.dims, raw }, numbersOf(constant), quantisation);
}

interface Way {
  readonly original: Model;
  readonly plain: Model;
  /** The nodes that hand numbers on in the plain model. */
  readonly passed: ReadonlySet<Node>;
  readonly stored: ReadonlyMap<string, Stored>;
}

function backTo({ original, plain, passed, stored }: Way, changed: Model): Model {
  const [before, after] = [constantsOf(plain.graph), constantsOf(changed.graph)];
  const made = new Map(changed.graph.nodes.map((node) => [node.outputs[0], node]));
  const replacements = new Map<string, Constant>();
  const added = new Map<string, Constant>();
  for (const [name, now] of after) {
    const was = before.get(name);
    if (was === undefined) added.set(name, now);
    else if (was.raw !== now.raw) replacements.set(name, asStored(stored.get(name), was, now));
  }
  const nodes = original.graph.nodes.map((node) => {
    const inputs = passed.has(node) ? node.inputs : (made.get(node.outputs[0])?.inputs ?? node.inputs);
    return inputs === node.inputs ? node : { ...node, inputs };
  });
  const graph = replaceConstants({ ...original.graph, nodes }, replacements);
  return { ...original, graph: { ...graph, constants: new Map([...graph.constants, ...added]) } };
}

function asStored(stored: Stored | undefined, was: Constant, now: Constant): Constant {
  if (stored === undefined) return now;
  const numbers = numbersOf(now);
  if (stored.between === undefined) return constantLike(stored.constant, numbers, stored.quantisation);
  const [before, own] = [numbersOf(was), numbersOf(stored.constant)];
  return constantLike(
    stored.constant,
    numbers.map((x, i) => (x === before[i] ? (own[i] as number) : x)),
  );
}
