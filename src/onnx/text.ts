import { constantOf } from '../ir/access.ts';
import type { Attribute, Constant, Dimension, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import type { DataType } from '../tensor/tensor.ts';
import { dataTypeNumber } from './data-types.ts';
import { readConstant } from './text-constants.ts';
import { Tokens } from './text-tokens.ts';

/**
 * Reads a small model from text. Blanks and line ends only separate words; `//` begins a comment.
 *
 * ```
 * opset 17                                        // also: opset "ai.onnx.ml" 3; ir 8; name demo
 * input x: float32[N, 3, 8, 8]                    // a symbol or ? for a dynamic dimension; no brackets = rank unknown
 * const w: float32[4,3,3,3] = random(1)           // normal numbers of seed 1; random(1, 0.1) scales them
 * const s: int64[2] = [1, 2]                      // or zeros, ones, range, one number for all; nested lists are flattened
 * value y: float32[N, 4, 8, 8]                    // declares an intermediate value (optional)
 * y = Conv(x, w) { pads: [1,1,1,1], group: 1 }    // integers without a point, floats with one: 2 and 2.0 differ
 * a, b = com.microsoft:Split2(y, , s) @"node 7"   // domain, an input left out, a node name
 * z = If(c) { then_branch: { t = Neg(a) output t }, else_branch: { e = Abs(a) output e } }
 * k = Constant() { value: float32[2] = [1.0, 2.0] }
 * output z                                        // or with a type: output z: float32[N]
 * ```
 *
 * Names with other characters than letters, digits and `_ . ~ / -`, and names that are words of the notation, stand in
 * quotation marks. Without `opset`, ai.onnx 17 is meant.
 *
 * @throws OnnxDecodeError with line and column
 */
export function parseModelText(text: string): Model {
  const tokens = new Tokens(text);
  const header: Header = { irVersion: 8, opsets: new Map() };
  const graph = readGraph(tokens, header);
  if (tokens.peek.kind !== 'end') throw tokens.wanted('a statement');
  if (header.opsets.size === 0) header.opsets.set('', 17);
  return { irVersion: header.irVersion, opsets: header.opsets, producer: 'coppice', graph };
}

interface Header {
  irVersion: number;
  readonly opsets: Map<string, number>;
}

type GraphParts = {
  -readonly [K in
    | 'name'
    | 'nodes'
    | 'inputs'
    | 'outputs'
    | 'valueInfo'
    | 'constants']: Graph[K] extends readonly (infer T)[] ? T[] : Graph[K];
};

/** Statements until the text or the surrounding braces end. */
function readGraph(tokens: Tokens, header?: Header): Graph {
  const constants = new Map<string, Constant>();
  const graph: GraphParts = { name: 'graph', nodes: [], inputs: [], outputs: [], valueInfo: [], constants };
  while (tokens.peek.kind !== 'end' && !tokens.is('}')) {
    if (tokens.take('input')) readList(tokens, graph.inputs);
    else if (tokens.take('output')) readList(tokens, graph.outputs);
    else if (tokens.take('value')) readList(tokens, graph.valueInfo);
    else if (tokens.take('name')) graph.name = readName(tokens);
    else if (tokens.take('const')) constants.set(readName(tokens), readTyped(tokens, ':'));
    else if (header !== undefined && tokens.is('opset')) readOpset(tokens, header);
    else if (header !== undefined && tokens.take('ir')) header.irVersion = readInteger(tokens);
    else graph.nodes.push(readNode(tokens));
  }
  return graph;
}

function readList(tokens: Tokens, into: ValueInfo[]): void {
  do into.push(readValueInfo(tokens));
  while (tokens.take(','));
}

function readValueInfo(tokens: Tokens): ValueInfo {
  const name = readName(tokens);
  return tokens.take(':')
    ? { name, type: readType(tokens), shape: tokens.is('[') ? readShape(tokens) : null }
    : { name, type: null, shape: null };
}

function readOpset(tokens: Tokens, header: Header): void {
  tokens.expect('opset');
  const domain = tokens.peek.kind === 'number' ? '' : readName(tokens);
  header.opsets.set(domain === 'ai.onnx' ? '' : domain, readInteger(tokens));
}

function readName(tokens: Tokens): string {
  return tokens.word('a name', 'name', 'string');
}

function readInteger(tokens: Tokens): number {
  return Number(tokens.word('a whole number', 'number'));
}

function readType(tokens: Tokens): DataType {
  const { text } = tokens.peek;
  if (dataTypeNumber(text as DataType) < 1) throw tokens.wanted('an element type such as float32');
  return tokens.word('an element type', 'name') as DataType;
}

function readShape(tokens: Tokens): Dimension[] {
  const shape: Dimension[] = [];
  tokens.expect('[');
  while (!tokens.take(']')) {
    if (shape.length > 0) tokens.expect(',');
    if (tokens.take('?')) shape.push(null);
    else shape.push(tokens.peek.kind === 'number' ? readInteger(tokens) : readName(tokens));
  }
  return shape;
}

/** `: float32[2] = ...`, or without the colon as an attribute's value. */
function readTyped(tokens: Tokens, colon = ''): Constant {
  if (colon !== '') tokens.expect(colon);
  const type = readType(tokens);
  const start = tokens.peek;
  const dims = readShape(tokens);
  if (!dims.every((d) => typeof d === 'number')) throw tokens.wanted(`a shape of numbers at "${start.text}"`);
  tokens.expect('=');
  return constantOf(readConstant(tokens, type, dims as number[]));
}

function readNode(tokens: Tokens): Node {
  const outputs = [readOptional(tokens)];
  while (tokens.take(',')) outputs.push(readOptional(tokens));
  tokens.expect('=');
  const first = readName(tokens);
  const [domain, op] = tokens.take(':') ? [first, readName(tokens)] : ['', first];
  const inputs = readInputs(tokens);
  const own = tokens.take('{') ? readAttributes(tokens) : new Map<string, Attribute>();
  return { name: tokens.take('@') ? readName(tokens) : '', op, domain, inputs, outputs, attributes: own };
}

/** A name, or "" where it is left out. */
function readOptional(tokens: Tokens): string {
  return tokens.is(',') || tokens.is(')') || tokens.is('=') ? '' : readName(tokens);
}

function readInputs(tokens: Tokens): string[] {
  const inputs: string[] = [];
  tokens.expect('(');
  if (tokens.take(')')) return inputs;
  do inputs.push(readOptional(tokens));
  while (tokens.take(','));
  tokens.expect(')');
  return inputs;
}

function readAttributes(tokens: Tokens): Map<string, Attribute> {
  const found = new Map<string, Attribute>();
  while (!tokens.take('}')) {
    if (found.size > 0) tokens.expect(',');
    const name = readName(tokens);
    tokens.expect(':');
    found.set(name, readAttribute(tokens));
  }
  return found;
}

function readAttribute(tokens: Tokens): Attribute {
  if (tokens.take('[')) return readListAttribute(tokens);
  if (tokens.is('{')) return { kind: 'graph', value: readInnerGraph(tokens) };
  if (tokens.peek.kind === 'string') return { kind: 'string', value: readName(tokens) };
  if (tokens.peek.kind === 'name') return { kind: 'tensor', value: readTyped(tokens) };
  const text = tokens.word('an attribute value', 'number');
  return isInteger(text) ? { kind: 'int', value: integer(text) } : { kind: 'float', value: Math.fround(float(text)) };
}

function readInnerGraph(tokens: Tokens): Graph {
  tokens.expect('{');
  const graph = readGraph(tokens);
  tokens.expect('}');
  return graph;
}

function readListAttribute(tokens: Tokens): Attribute {
  const graphs: Graph[] = [];
  const strings: string[] = [];
  const numbers: string[] = [];
  while (!tokens.take(']')) {
    if (graphs.length + strings.length + numbers.length > 0) tokens.expect(',');
    if (tokens.is('{')) graphs.push(readInnerGraph(tokens));
    else if (tokens.peek.kind === 'string') strings.push(readName(tokens));
    else numbers.push(tokens.word('a list element', 'number'));
  }
  if (graphs.length > 0) return { kind: 'graphs', value: graphs };
  if (strings.length > 0) return { kind: 'strings', value: strings };
  if (numbers.every(isInteger)) return { kind: 'ints', value: numbers.map(integer) };
  return { kind: 'floats', value: numbers.map((text) => Math.fround(float(text))) };
}

function isInteger(text: string): boolean {
  return /^[-+]?\d+$/.test(text);
}

function integer(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function float(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  if (/inf$/i.test(text)) return sign * Number.POSITIVE_INFINITY;
  return /nan$/i.test(text) ? Number.NaN : Number(text);
}
