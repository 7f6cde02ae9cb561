import { describe, expect, it } from 'vitest';
import { parseModelText } from '../../onnx/text.ts';
import { neededOnly } from './needed-only.ts';

const NET = parseModelText(`
  input x: float32[N]
  a = Relu(x)
  b = Neg(a)
  c = Abs(b)
  y = Add(a, x)
  output y
`);

describe('neededOnly', () => {
  it('leaves out what no output depends on, and keeps the order', () => {
    expect(neededOnly(NET).graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Add']);
  });

  it('is idempotent, and returns a model with nothing to leave out as it is', () => {
    const once = neededOnly(NET);
    expect(neededOnly(once)).toBe(once);
    expect(once.graph.outputs).toBe(NET.graph.outputs);
  });
});
