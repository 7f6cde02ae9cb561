import type { Attribute, Constant, Dimension, Graph, Model, Node, ValueInfo } from '../ir/model.ts';
import { printConstant, printFloat } from './text-constants.ts';
import { isBareName } from './text-tokens.ts';

/** What {@link printModelText} shows. */
export interface PrintOptions {
  /** Constants with more elements are printed as `...`, which `parseModelText` refuses. */
  readonly limit: number;
}

/** Defaults of {@link printModelText}. */
export const PRINT_DEFAULTS: PrintOptions = { limit: 16 };

/** Words that begin a statement, and so need quotation marks as names. */
const WORDS = new Set(['input', 'output', 'value', 'name', 'const', 'opset', 'ir']);

/**
 * Writes a model in the notation of `parseModelText`, large weights left out: for reading, tests and messages.
 * What only the file format knows (doc strings, metadata, sparse initializers) is not shown.
 */
export function printModelText(model: Model, options: Partial<PrintOptions> = {}): string {
  const { limit } = { ...PRINT_DEFAULTS, ...options };
  const opsets = [...model.opsets].map(
    ([domain, version]) => `opset ${domain === '' ? '' : `${quoted(domain)} `}${version}`,
  );
  return `${[`ir ${model.irVersion}`, ...opsets, ...graphLines(model.graph, limit)].join('\n')}\n`;
}

function graphLines(graph: Graph, limit: number): string[] {
  return [
    `name ${quoted(graph.name)}`,
    ...graph.inputs.map((info) => `input ${infoText(info)}`),
    ...[...graph.constants].map(([name, constant]) => `const ${quoted(name)}: ${constantText(constant, limit)}`),
    ...graph.valueInfo.map((info) => `value ${infoText(info)}`),
    ...graph.nodes.map((node) => nodeText(node, limit)),
    ...graph.outputs.map((info) => `output ${infoText(info)}`),
  ];
}

function quoted(name: string): string {
  return isBareName(name) && !WORDS.has(name) ? name : JSON.stringify(name);
}

function infoText({ name, type, shape }: ValueInfo): string {
  if (type === null) return quoted(name);
  return `${quoted(name)}: ${type}${shape === null ? '' : `[${shape.map(dimensionText).join(', ')}]`}`;
}

function dimensionText(dimension: Dimension): string {
  if (dimension === null) return '?';
  return typeof dimension === 'number' ? String(dimension) : quoted(dimension);
}

function constantText(constant: Constant, limit: number): string {
  return `${constant.type}[${constant.dims.join(', ')}] = ${printConstant(constant, limit)}`;
}

function nodeText(node: Node, limit: number): string {
  const outputs = node.outputs.map(optional).join(', ');
  const op = `${node.domain === '' ? '' : `${quoted(node.domain)}:`}${quoted(node.op)}`;
  const own = [...node.attributes].map(([name, attribute]) => `${quoted(name)}: ${attributeText(attribute, limit)}`);
  const name = node.name === '' ? '' : ` @${quoted(node.name)}`;
  return `${outputs} = ${op}(${node.inputs.map(optional).join(', ')})${own.length === 0 ? '' : ` { ${own.join(', ')} }`}${name}`;
}

function optional(name: string): string {
  return name === '' ? '' : quoted(name);
}

function attributeText(attribute: Attribute, limit: number): string {
  switch (attribute.kind) {
    case 'float':
      return printFloat(attribute.value);
    case 'floats':
      return `[${attribute.value.map((value) => printFloat(value)).join(', ')}]`;
    case 'int':
      return String(attribute.value);
    case 'ints':
      return `[${attribute.value.join(', ')}]`;
    case 'string':
      return JSON.stringify(attribute.value);
    case 'strings':
      return `[${attribute.value.map((value) => JSON.stringify(value)).join(', ')}]`;
    case 'tensor':
      return constantText(attribute.value, limit);
    case 'graph':
      return innerText(attribute.value, limit);
    case 'graphs':
      return `[${attribute.value.map((graph) => innerText(graph, limit)).join(', ')}]`;
    default:
      return '...';
  }
}

function innerText(graph: Graph, limit: number): string {
  return `{\n${graphLines(graph, limit)
    .map((line) => line.replace(/^/gm, '  '))
    .join('\n')}\n}`;
}
