import { type Code, op } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import { type Expression, partsOf } from '../expression/expression.ts';
import { type ElementFunction, FUNCTIONS } from '../expression/functions.ts';
import type { Scratch } from '../expression/transcendental.ts';

/** Where an expression's operands come from. */
export interface Reading {
  readonly scratch: Scratch;
  /** The operand's vector. */
  operand(index: number): Code;
  /** The element of an operand at an index, a scalar. */
  pick(operand: number, index: Code, stride: number): Code;
}

/** Code of an expression: statements first, then the value on the stack. */
export function expressionCode(expression: Expression, reading: Reading): Code {
  const statements: Code[] = [];
  const uses = countUses(expression);
  const held = new Map<Expression, Code>();
  const inLocal = (part: Expression, code: Code): Code => {
    const local = reading.scratch.fresh();
    statements.push(op.set(local, code));
    const read = op.get(local);
    held.set(part, read);
    return read;
  };
  const visit = (part: Expression, repeated: boolean): Code => {
    const found = held.get(part);
    if (found !== undefined) return found;
    const code = plain(part);
    const isCheap = part.kind === 'number';
    return !isCheap && (repeated || (uses.get(part) ?? 0) > 1) ? inLocal(part, code) : code;
  };
  const plain = (part: Expression): Code => {
    switch (part.kind) {
      case 'number':
        return part.element === 'f32' ? vec.float(part.value) : vec.int(part.value);
      case 'operand':
        return reading.operand(part.index);
      case 'pick': {
        const held = vec.minInt(vec.maxInt(visit(part.index, false), vec.int(0)), vec.int(part.count - 1));
        return reading.pick(part.operand, vec.laneInt(held, 0), part.stride);
      }
      case 'apply': {
        const fn: ElementFunction = FUNCTIONS[part.fn];
        return fn.code(
          part.args.map((arg) => visit(arg, fn.repeats)),
          reading.scratch,
        );
      }
    }
  };
  const value = visit(expression, false);
  return [statements, value];
}

function countUses(expression: Expression): Map<Expression, number> {
  const uses = new Map<Expression, number>();
  const note = (part: Expression): unknown => uses.set(part, (uses.get(part) ?? 0) + 1);
  for (const part of partsOf(expression)) {
    if (part.kind === 'apply') part.args.forEach(note);
    if (part.kind === 'pick') note(part.index);
  }
  return uses;
}
