import { EngineError } from '../errors/errors.ts';
import { constantsOf } from '../graph/constants.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Graph, Node } from '../ir/model.ts';

/** Numbers that one value of a run may have: 8 GiB of floats. */
const MOST_NUMBERS = 2 ** 31;

/** Which input of an operator says the shape of what it makes, and which multiplies that of its first input. */
const SHAPE_INPUT: Readonly<Record<string, number>> = { ConstantOfShape: 0, Expand: 1 };

/**
 * Refuses a graph with a value that a few bytes of the file blow up beyond all memory, where constants say so: a runtime takes the memory
 * page by page, and the system ends the process.
 *
 * @throws EngineError naming the node
 * Cost: a look at every node.
 */
export function refuseGiants(graph: Graph): void {
  const makers = graph.nodes.filter(({ op, domain }) => domain === '' && (op in SHAPE_INPUT || op === 'Tile'));
  if (makers.length === 0) return;
  const constants = constantsOf(graph);
  for (const node of makers) {
    const numbers = numbersOf(node, constants);
    if (numbers > MOST_NUMBERS)
      throw new EngineError(
        `Cannot run the model: node "${node.name || (node.outputs[0] ?? '')}" (${node.op}) makes ${numbers.toExponential(1)} numbers; wanted at most ${MOST_NUMBERS}`,
        { fields: { node: node.name } },
      );
  }
}

/** Numbers of a node's output at least; 0 where no constant says it. */
function numbersOf({ op, inputs }: Node, constants: ReadonlyMap<string, Constant>): number {
  const wholes = (i: number): number => productOf(constants.get(inputs[i] ?? ''));
  if (op !== 'Tile') return wholes(SHAPE_INPUT[op] as number);
  const tiled = constants.get(inputs[0] ?? '');
  return tiled === undefined ? wholes(1) : wholes(1) * tiled.dims.reduce((a, b) => a * b, 1);
}

function productOf(constant: Constant | undefined): number {
  if (constant?.type !== 'int64') return 0;
  return [...(tensorOf(constant).data as BigInt64Array)].reduce((product, d) => product * Number(d), 1);
}
