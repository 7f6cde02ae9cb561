import type { Constant, Graph, Node } from '../ir/model.ts';

/** Products that are followed behind an operator: one scale of what it multiplies, one of its weights. */
const MOST_PRODUCTS = 2;

/**
 * The scale of the weights of an operator on whole numbers that has none among its inputs: its sums become floats and are multiplied
 * by the scale of what it multiplies, which a run finds, and by that of its weights, which is a constant.
 *
 *   y = Cast(MatMulInteger(q, w)) (s_x s_w)     or     (Cast(...) s_x) s_w
 *
 * @returns undefined where the factors are others, so that none of them is the weights' alone
 */
export function scaleBehind(graph: Graph, { outputs }: Node): Constant | undefined {
  const cast = onlyReader(graph, outputs[0] ?? '');
  if (cast?.op !== 'Cast') return undefined;
  const constants: Constant[] = [];
  let computed = 0;
  let value = cast.outputs[0] as string;
  for (let i = 0; i < MOST_PRODUCTS && computed * constants.length === 0; i++) {
    const product = onlyReader(graph, value);
    if (product?.op !== 'Mul') break;
    for (const name of factorsOf(graph, product.inputs.find((input) => input !== value) ?? '')) {
      const constant = graph.constants.get(name);
      if (constant === undefined) computed++;
      else constants.push(constant);
    }
    value = product.outputs[0] as string;
  }
  return computed === 1 && constants.length === 1 ? constants[0] : undefined;
}

/** The one node that reads a value; undefined where there are others, or it is an output. */
function onlyReader({ nodes, outputs }: Graph, value: string): Node | undefined {
  const readers = nodes.filter(({ inputs }) => inputs.includes(value));
  return readers.length === 1 && !outputs.some(({ name }) => name === value) ? readers[0] : undefined;
}

/** The two factors of a value that is a product of them; else the value itself. */
function factorsOf({ nodes }: Graph, value: string): readonly string[] {
  const maker = nodes.find(({ outputs }) => outputs.includes(value));
  return maker?.op === 'Mul' ? maker.inputs : [value];
}
