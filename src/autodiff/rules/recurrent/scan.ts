import { GraphBuilder } from '../../../graph/builder.ts';
import { type Vocabulary, vocabulary } from '../../../graph/vocabulary.ts';
import type { Graph } from '../../../ir/model.ts';
import type { RuleContext } from '../../rule.ts';

/** A loop over the first axis of some values. */
export interface ScanRequest {
  /** What tells the names inside from all others. */
  readonly stem: string;
  /** From the last element to the first. */
  readonly reverse: boolean;
  /** Values that a step takes from the step before. */
  readonly states: readonly string[];
  /** Values that are taken apart along their first axis. */
  readonly inputs: readonly string[];
  /** One step: the next states, and what is put together again. May read values of the outer graph. */
  readonly step: (
    words: Vocabulary,
    states: readonly string[],
    inputs: readonly string[],
  ) => { readonly states: readonly string[]; readonly outputs: readonly string[] };
}

/** Emits a Scan. @returns the last states, and the outputs put together along a new first axis */
export function scan(at: RuleContext, request: ScanRequest): { states: string[]; outputs: string[] } {
  const { states, inputs, reverse } = request;
  const { body, outputs } = bodyOf(request);
  const directions = (count: number): number[] => new Array<number>(count).fill(reverse ? 1 : 0);
  const all = at.emitAll('Scan', states.length + outputs, ...states, ...inputs, {
    body: { kind: 'graph', value: body },
    num_scan_inputs: inputs.length,
    scan_input_directions: directions(inputs.length),
    scan_output_directions: directions(outputs),
  });
  return { states: all.slice(0, states.length), outputs: all.slice(states.length) };
}

function bodyOf({ stem, states, inputs, step }: ScanRequest): { body: Graph; outputs: number } {
  const builder = new GraphBuilder();
  const declare = (_: string, i: number): string => builder.input({ name: `in${i}`, type: 'float32', shape: null });
  const own = [...states, ...inputs].map(declare);
  const result = step(vocabulary({ builder, type: 'float32' }), own.slice(0, states.length), own.slice(states.length));
  [...result.states, ...result.outputs].forEach((value, i) => builder.output(value, `out${i}`));
  return { body: prefixed(builder.build({ name: stem }).graph, stem), outputs: result.outputs.length };
}

/** The graph with its own names made unlike those of the graph around it; names that it only reads stay. */
function prefixed(graph: Graph, stem: string): Graph {
  const own = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.constants.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const of = (name: string): string => (own.has(name) ? `${stem}/${name}` : name);
  return {
    ...graph,
    inputs: graph.inputs.map((info) => ({ ...info, name: of(info.name) })),
    outputs: graph.outputs.map((info) => ({ ...info, name: of(info.name), type: 'float32' })),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(of), outputs: node.outputs.map(of) })),
    constants: new Map([...graph.constants].map(([name, constant]) => [of(name), constant])),
  };
}
