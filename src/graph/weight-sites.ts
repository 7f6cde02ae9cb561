import { operatorKey } from '../ir/access.ts';
import type { Graph, Node } from '../ir/model.ts';
import { type Quantisation, quantisationOf, type StoredNumbers } from './quantised.ts';
import { scaleBehind } from './scale-behind.ts';

/** Where an operator keeps its weights. */
export interface WeightSite {
  /** Inputs that are weights. */
  readonly inputs: readonly number[];
  /** Of operators on whole numbers: the inputs that hold a weight's scale (null = {@link scaleBehind}) and zero point, and the axis that they go along. */
  readonly scales?: Readonly<
    Record<number, { readonly scale: number | null; readonly zero: number; readonly axis: number }>
  >;
}

const PRODUCT = { inputs: [1, 0] } as const;
const RECURRENT = { inputs: [1, 2] } as const;

const SITES: ReadonlyMap<string, WeightSite> = new Map<string, WeightSite>([
  ['Conv', { inputs: [1] }],
  ['ConvTranspose', { inputs: [1] }],
  ['DeformConv', { inputs: [1] }],
  ['Gemm', PRODUCT],
  ['MatMul', PRODUCT],
  ['com.microsoft.FusedConv', { inputs: [1] }],
  ['com.microsoft.FusedGemm', PRODUCT],
  ['com.microsoft.FusedMatMul', PRODUCT],
  ['LSTM', RECURRENT],
  ['GRU', RECURRENT],
  ['RNN', RECURRENT],
  ['QLinearConv', { inputs: [3], scales: { 3: { scale: 4, zero: 5, axis: 0 } } }],
  [
    'QLinearMatMul',
    { inputs: [3, 0], scales: { 3: { scale: 4, zero: 5, axis: -1 }, 0: { scale: 1, zero: 2, axis: -2 } } },
  ],
  ['ConvInteger', { inputs: [1], scales: { 1: { scale: null, zero: 3, axis: 0 } } }],
  [
    'MatMulInteger',
    { inputs: [1, 0], scales: { 1: { scale: null, zero: 3, axis: -1 }, 0: { scale: null, zero: 2, axis: -2 } } },
  ],
  ['com.microsoft.MatMulIntegerToFloat', { inputs: [1], scales: { 1: { scale: 3, zero: 5, axis: -1 } } }],
  ['com.microsoft.DynamicQuantizeMatMul', { inputs: [1], scales: { 1: { scale: 2, zero: 3, axis: -1 } } }],
]);

/** Where a node keeps its weights; undefined for an operator that has none. */
export function weightSite(node: Node): WeightSite | undefined {
  return SITES.get(operatorKey(node));
}

/** Whether a node computes with whole numbers that stand for real ones. */
export function isQuantisedSite(node: Node): boolean {
  return weightSite(node)?.scales !== undefined;
}

/** How an operator on whole numbers reads a weight; undefined where scale and zero point are no constants that fit. */
export function siteQuantisation(
  node: Node,
  input: number,
  { weight, graph }: { weight: StoredNumbers; graph: Graph },
): Quantisation | undefined {
  const at = weightSite(node)?.scales?.[input];
  if (at === undefined) return undefined;
  const zeroName = node.inputs[at.zero] ?? '';
  const zero = graph.constants.get(zeroName);
  if (zeroName !== '' && zero === undefined) return undefined;
  const scale = at.scale === null ? scaleBehind(graph, node) : graph.constants.get(node.inputs[at.scale] ?? '');
  return quantisationOf(weight, { scale, zero }, { axis: at.axis });
}
