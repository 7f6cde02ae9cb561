import { constantOf, node } from '../ir/access.ts';
import type { Constant, Model, Node } from '../ir/model.ts';
import { float32, int64 } from '../tensor/tensor.ts';
import type { Head } from './heads.ts';

/** A model that ends in the raw values of its heads: logits in the place of probabilities. */
export interface RawModel {
  /** Its outputs are those of `ends`, in float32. */
  readonly model: Model;
  /** By head: the raw value, in the layout of the head's `dims`; several class axes are one, the first of them. */
  readonly ends: readonly string[];
  /** A model made of this one, with the outputs that the model had and without what was added. */
  readonly back: (model: Model) => Model;
}

const FLOAT32 = 1;
/** Added to probabilities without logits behind them before their logarithm is taken. */
const LEAST_PROBABILITY = 1e-37;

/**
 * The model with the values that a loss, or an imitation, is about as its outputs: of probabilities and sigmoids the logits
 * behind them, moved as the output is; where none were found, the logarithm. Everything but the ends is shared, so that
 * constants trained in the one belong to the other.
 */
export function atRawEnds(model: Model, heads: readonly Head[]): RawModel {
  const { graph } = model;
  const taken = new Set([...graph.constants.keys(), ...graph.inputs.map(({ name }) => name)]);
  for (const { outputs } of graph.nodes) for (const name of outputs) taken.add(name);
  const fresh = (stem: string): string => {
    let name = `${stem}~raw`;
    while (taken.has(name)) name += '~';
    taken.add(name);
    return name;
  };
  const added: Added = { nodes: [], constants: new Map(), fresh };
  const ends = heads.map((head) => rawEnd(added, head));
  const nodes = new Set(added.nodes.flatMap(({ outputs }) => outputs));
  return {
    ends,
    model: {
      ...model,
      graph: {
        ...graph,
        nodes: [...graph.nodes, ...added.nodes],
        constants: added.constants.size === 0 ? graph.constants : new Map([...graph.constants, ...added.constants]),
        outputs: [...new Set(ends)].map((name) => ({ name, type: 'float32' as const, shape: null })),
      },
    },
    back: (changed) => ({
      ...changed,
      graph: {
        ...changed.graph,
        outputs: graph.outputs,
        nodes: changed.graph.nodes.filter(({ outputs }) => !outputs.some((name) => nodes.has(name))),
        constants: new Map([...changed.graph.constants].filter(([name]) => !added.constants.has(name))),
      },
    }),
  };
}

interface Added {
  readonly nodes: Node[];
  readonly constants: Map<string, Constant>;
  readonly fresh: (stem: string) => string;
}

function rawEnd(added: Added, head: Head): string {
  const emit = (made: Node): string => {
    added.nodes.push(made);
    return made.outputs[0] as string;
  };
  const constant = (stem: string, value: Constant): string => {
    const name = added.fresh(stem);
    added.constants.set(name, value);
    return name;
  };
  const { behind, kind, axes, dims, name, rawType } = head;
  let value = behind?.value ?? name;
  for (const move of behind?.moves ?? []) {
    const outputs = [added.fresh(move.outputs[0] as string)];
    value = emit({ ...move, name: '', inputs: [value, ...move.inputs.slice(1)], outputs });
  }
  if (rawType !== 'float32') value = emit(node('Cast', [value], [added.fresh(name)], { to: FLOAT32 }));
  if (kind === 'probabilities' && behind === null) {
    const least = constant(name, constantOf(float32([LEAST_PROBABILITY], [1])));
    const sum = emit(node('Add', [value, least], [added.fresh(name)]));
    value = emit(node('Log', [sum], [added.fresh(name)]));
  }
  if (axes.length < 2) return value;
  const shape = constant(
    name,
    constantOf(int64([-1, ...dims.slice(0, axes[0]), axes.reduce((n, axis) => n * (dims[axis] as number), 1)])),
  );
  return emit(node('Reshape', [value, shape], [added.fresh(name)]));
}
