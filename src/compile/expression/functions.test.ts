import { describe, expect, it } from 'vitest';
import { assemble, op } from '../../wasm/assembler.ts';
import { FunctionBuilder } from '../kernels/function-builder.ts';
import { FUNCTIONS, type FunctionName } from './functions.ts';

/** Runs a function of one float on four numbers at a time. */
function compiled(name: FunctionName): (x: Float32Array) => Float32Array {
  const builder = new FunctionBuilder(1);
  const x = builder.v128();
  const value = FUNCTIONS[name].code([op.get(x)], builder);
  const body = [op.set(x, op.load(op.get(0))), op.store(op.get(0), value)];
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(assemble([{ ...builder.build(body), name: 'f' }]));
  const run = new WebAssembly.Instance(module, { env: { memory } }).exports.f as (at: number) => void;
  return (values) => {
    const four = new Float32Array(memory.buffer, 0, 4);
    return values.map((_, i) => {
      four.fill(values[i] as number);
      run(0);
      return four[0] as number;
    });
  };
}

const NUMBERS = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 40).map((x, i) =>
  i % 7 === 0 ? x * 1e-3 : x,
);
const EDGES = Float32Array.of(0, -0, Infinity, -Infinity, Number.NaN, 1e-40, 3e38, -3e38, 88.7, -103);

describe('functions by vectors', () => {
  it.each([
    ['exp', 3e-7],
    ['log', 3e-7],
    ['tanh', 6e-7],
    ['sigmoid', 5e-7],
    ['erf', 6e-7],
  ] as const)('%s is within its stated error', (name, most) => {
    const found = compiled(name)(NUMBERS);
    const scalar = FUNCTIONS[name].scalar;
    const errors = [...found].map((y, i) => {
      const wanted = scalar(NUMBERS[i] as number);
      if (Number.isNaN(wanted) || !Number.isFinite(Math.fround(wanted)))
        return Object.is(y, Math.fround(wanted)) ? 0 : 1;
      const scale = name === 'log' ? Math.max(Math.abs(wanted), 0.5) : Math.max(Math.abs(wanted), 1e-37);
      return Math.abs(y - wanted) / scale;
    });
    expect(Math.max(...errors)).toBeLessThan(most);
  });

  it.each(['exp', 'log', 'tanh', 'sigmoid', 'erf'] as const)('%s keeps its limits', (name) => {
    const found = compiled(name)(EDGES);
    found.forEach((y, i) => {
      const wanted = Math.fround(FUNCTIONS[name].scalar(EDGES[i] as number));
      if (Number.isFinite(wanted)) expect(y).toBeCloseTo(wanted, 5 - Math.max(0, Math.log10(Math.abs(wanted) || 1)));
      else expect(y).toBe(wanted);
    });
  });
});
