import type { OperatorFacts } from './operator.ts';

/** [directions, gates x hidden, inputs] or, of the state, [directions, gates x hidden, hidden] */
const GATES = { form: 'matrices', outputs: -2, rank: 3 } as const;

const LAYER: Omit<OperatorFacts, 'op'> = {
  weights: [
    { input: 1, axes: GATES, macs: 'steps', operand: { input: 0, form: 'steps' } },
    { input: 2, axes: GATES, macs: 'steps' },
  ],
  parameters: [{ input: 3, role: 'bias' }],
  axes: { rule: 'unrolled', made: -1 },
};

/** Layers that go through a sequence. */
export const recurrent: readonly OperatorFacts[] = ['LSTM', 'GRU', 'RNN'].map((op) => ({ op, ...LAYER }));
