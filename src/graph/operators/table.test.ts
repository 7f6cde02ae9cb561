import { describe, expect, it } from 'vitest';
import { RULES } from '../../autodiff/registry.ts';
import { operatorKey } from '../../ir/access.ts';
import { convolutions } from './convolutions.ts';
import { elementwise } from './elementwise.ts';
import { normalisations } from './normalisations.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { recurrent } from './recurrent.ts';
import { shaping } from './shaping.ts';
import { isConvolution, isCopy, isRelayout, OPERATORS, statisticsInputs, weightAt } from './table.ts';

const op = (name: string) => ({ op: name, domain: '' });

describe('the table of operators', () => {
  it('has every operator once', () => {
    const all = [convolutions, products, recurrent, normalisations, elementwise, shaping, pooling].flat();
    expect(all.map(operatorKey).sort()).toEqual([...OPERATORS.keys()].sort());
  });

  it('gives every input of an operator one meaning', () => {
    for (const { weights = [], parameters = [] } of OPERATORS.values()) {
      const scales = weights.flatMap(({ scale }) => (scale === undefined ? [] : [scale.scale, scale.zero]));
      const inputs = [...weights, ...parameters].map(({ input }) => input);
      const own = [...inputs, ...scales.filter((input) => input !== null)];
      expect(new Set(own).size).toBe(own.length);
    }
  });

  it('reads what a weight is multiplied by from another input than the weight', () => {
    for (const { weights = [] } of OPERATORS.values())
      for (const { input, operand } of weights) expect(operand?.input).not.toBe(input);
  });

  it('knows how the axes pass of all operators with a gradient rule but some', () => {
    const unknown = [...RULES.keys()].filter((key) => OPERATORS.get(key)?.axes === undefined).sort();
    expect(unknown.join(' ')).toBe(
      'Expand GatherElements GatherND ReverseSequence ScatterElements ScatterND TopK Trilu',
    );
  });

  it('tells what only moves elements from what changes them', () => {
    expect(['Transpose', 'Flatten'].map(op).every(isRelayout)).toBe(true);
    expect(['Cast', 'Relu', 'Gather'].map(op).some(isRelayout)).toBe(false);
    expect(['Identity', 'Dropout', 'Reshape'].map(op).every(isCopy)).toBe(true);
    expect(['Relu', 'Slice', 'Concat', 'Unheard'].map(op).some(isCopy)).toBe(false);
  });

  it('answers for nodes of other domains apart', () => {
    expect(isConvolution({ op: 'FusedConv', domain: 'com.microsoft' })).toBe(true);
    expect(isConvolution(op('FusedConv'))).toBe(false);
    expect(weightAt(op('Gemm'), 2)).toBeUndefined();
    expect(statisticsInputs(op('BatchNormalization'))).toEqual([3, 4]);
    expect(statisticsInputs(op('LayerNormalization'))).toEqual([]);
  });
});
