import { operatorKey } from '../ir/access.ts';
import type { Constant, Node } from '../ir/model.ts';
import { type Quantisation, quantisationOf } from './quantised.ts';

/** Where an operator keeps its weights. */
export interface WeightSite {
  /** Inputs that are weights. */
  readonly inputs: readonly number[];
  /** Of operators on whole numbers: the inputs that hold a weight's scale and zero point, and the axis that they go along. */
  readonly scales?: Readonly<Record<number, { readonly scale: number; readonly zero: number; readonly axis: number }>>;
  /** Why the weights are listed, but cannot be pruned. */
  readonly refused?: string;
}

const ELSEWHERE = 'its scale belongs to other operators, so that its magnitudes compare with nothing';
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
  ['ConvInteger', { inputs: [1], refused: ELSEWHERE }],
  ['MatMulInteger', { inputs: [1, 0], refused: ELSEWHERE }],
  ['com.microsoft.MatMulIntegerToFloat', { inputs: [1], refused: ELSEWHERE }],
  ['com.microsoft.DynamicQuantizeMatMul', { inputs: [1], scales: { 1: { scale: 2, zero: 3, axis: -1 } } }],
]);

/** Where a node keeps its weights; undefined for an operator that has none. */
export function weightSite(node: Node): WeightSite | undefined {
  return SITES.get(operatorKey(node));
}

/** Whether a node computes with whole numbers that stand for real ones. */
export function isQuantisedSite(node: Node): boolean {
  const site = weightSite(node);
  return site?.scales !== undefined || site?.refused !== undefined;
}

/** How an operator on whole numbers reads a weight; undefined where scale and zero point are no constants that fit. */
export function siteQuantisation(
  node: Node,
  input: number,
  { dims, constant }: { dims: readonly number[]; constant: (name: string) => Constant | undefined },
): Quantisation | undefined {
  const at = weightSite(node)?.scales?.[input];
  if (at === undefined) return undefined;
  const zeroName = node.inputs[at.zero] ?? '';
  const zero = constant(zeroName);
  if (zeroName !== '' && zero === undefined) return undefined;
  return quantisationOf(dims, { scale: constant(node.inputs[at.scale] ?? ''), zero }, { axis: at.axis });
}
