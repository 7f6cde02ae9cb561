import { assemble, type Code, op, type WasmFunction } from '../wasm/assembler.ts';
import { dotsFunction } from './kernels/dots.ts';
import { halvingFunction } from './kernels/halving.ts';
import { nestFunction } from './kernels/nest.ts';
import { type Dialect, sumsFunction } from './kernels/sums.ts';
import type { Beside, Buffer, Step, Table } from './schedule/step.ts';

/** Where things lie, in bytes. */
export interface Addresses {
  readonly of: (buffer: Buffer) => number;
  readonly table: (table: Table) => number;
}

/** A module that runs all steps: kernels that are alike once, then one function that calls them in order. */
export function emitModule(steps: readonly Step[], addresses: Addresses, dialect: Dialect): Uint8Array<ArrayBuffer> {
  const functions: WasmFunction[] = [];
  const known = new Map<string, number>();
  const indexOf = (step: Step): number => {
    const made = kernelOf(step, dialect);
    const key = JSON.stringify([made.parameters, made.locals, made.body]);
    const found = known.get(key) ?? functions.push(made) - 1;
    known.set(key, found);
    return found;
  };
  const calls: Code = steps.map((step) => op.call(indexOf(step), argumentsOf(step, addresses).map(op.i32)));
  return assemble([...functions, { name: 'run', parameters: 0, locals: [], body: calls }]);
}

function kernelOf(step: Step, dialect: Dialect): WasmFunction {
  switch (step.kind) {
    case 'nest':
      return nestFunction(step);
    case 'sums':
      return sumsFunction(step, dialect);
    case 'halving':
      return halvingFunction(step, dialect);
    case 'dots':
      return dotsFunction(step, dialect);
  }
}

function argumentsOf(step: Step, { of, table }: Addresses): number[] {
  const at = ({ buffer, offset }: { readonly buffer: Buffer; readonly offset: number }): number =>
    of(buffer) + 4 * offset;
  if (step.kind === 'nest') return [step.out, ...step.operands].map(at);
  const out = at(step.out);
  const beside = step.beside.map((value: Beside) => at(value) - (value.per === 'element' ? out : 0));
  return [at(step.x), out, table(step.table), ...beside];
}
