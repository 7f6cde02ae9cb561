import { floatAttribute, intAttribute, stringAttribute } from '../../ir/access.ts';
import type { Node } from '../../ir/model.ts';
import { apply, type Expression, integer, number, operand } from '../expression/expression.ts';
import type { FunctionName } from '../expression/functions.ts';
import type { Value } from '../operation.ts';
import { type Lowering, labelOf, NotCovered, type OperatorLowering, scalarOf } from './lowering.ts';

const x = operand(0);

/** Emits out = f(operands); constants of one element become numbers. */
function emitMap(
  node: Node,
  to: Lowering,
  f: (...operands: Expression[]) => Expression,
  inputs?: readonly Value[],
): void {
  const values = inputs ?? node.inputs.filter((name) => name !== '').map((name) => to.value(name));
  const computed = values.filter((value) => scalarOf(value) === undefined);
  const operands = values.map((value) => scalarOf(value) ?? operand(computed.indexOf(value)));
  to.map(node, to.output(node), computed, f(...operands));
}

function unary(op: string, f: (x: Expression, node: Node) => Expression): OperatorLowering {
  return { op, lower: (node, to) => emitMap(node, to, (a) => f(needFloat(node, to, a), node), [to.input(node, 0)]) };
}

function needFloat(node: Node, to: Lowering, a: Expression): Expression {
  if (to.input(node, 0).element !== 'f32') throw new NotCovered('its input must be a float');
  return a;
}

/** One function for floats, one for whole numbers. */
function binary(op: string, float: FunctionName, int?: FunctionName): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const fn = to.input(node, 0).element === 'f32' ? float : int;
      if (fn === undefined) throw new NotCovered('its inputs must be floats');
      emitMap(node, to, (a, b) => apply(fn, a, b));
    },
  };
}

function many(op: string, float: FunctionName, int?: FunctionName): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const fn = to.input(node, 0).element === 'f32' ? float : int;
      if (fn === undefined) throw new NotCovered('its inputs must be floats');
      emitMap(node, to, (first, ...others) => others.reduce((sum, a) => apply(fn, sum, a), first as Expression));
    },
  };
}

const clip: OperatorLowering = {
  op: 'Clip',
  lower(node, to) {
    const value = to.input(node, 0);
    const [least, most] = value.element === 'f32' ? (['atLeast', 'atMost'] as const) : (['maxInt', 'minInt'] as const);
    const bounds = [1, 2].map((i) => (to.has(node, i) ? to.input(node, i) : undefined));
    if (bounds.some((bound) => bound !== undefined && scalarOf(bound) === undefined))
      throw new NotCovered('its bounds must be constant');
    const [low, high] = bounds.map((bound) => (bound === undefined ? undefined : scalarOf(bound)));
    const above = low === undefined ? x : apply(least, x, low);
    emitMap(node, to, () => (high === undefined ? above : apply(most, above, high)), [value]);
  },
};

/** max(x, 0) + slope * min(x, 0) */
function leaky(a: Expression, slope: Expression): Expression {
  return apply('add', apply('atLeast', a, number(0)), apply('mul', slope, apply('atMost', a, number(0))));
}

const pRelu: OperatorLowering = {
  op: 'PRelu',
  lower: (node, to) => emitMap(node, to, (a, slope) => leaky(a, slope)),
};

const pow: OperatorLowering = {
  op: 'Pow',
  lower(node, to) {
    const value = to.input(node, 0);
    const power = scalarOf(to.input(node, 1));
    if (power?.kind !== 'number' || value.element !== 'f32')
      throw new NotCovered('its exponent must be one constant number, its base floats');
    emitMap(node, to, () => powerOf(x, power.value), [value]);
  },
};

function powerOf(a: Expression, power: number): Expression {
  if (power < 0) return apply('div', number(1), powerOf(a, -power));
  if (power === 0) return number(1);
  if (power === 0.5) return apply('sqrt', a);
  if (Number.isInteger(power) && power <= 64) {
    const half = power === 1 ? a : powerOf(a, Math.floor(power / 2));
    if (power === 1) return a;
    const even = apply('mul', half, half);
    return power % 2 === 0 ? even : apply('mul', even, a);
  }
  return apply('exp', apply('mul', apply('log', a), number(power)));
}

const INT32 = 6;
const INT64 = 7;
const FLOAT = 1;
const BOOL = 9;

const cast: OperatorLowering = {
  op: 'Cast',
  lower(node, to) {
    const value = to.input(node, 0);
    const kind = intAttribute(node, 'to', FLOAT);
    if (![FLOAT, BOOL, INT32, INT64].includes(kind))
      throw new NotCovered('it must cast to float32, int32, int64 or bool');
    if (kind === FLOAT) return emitMap(node, to, (a) => (value.element === 'f32' ? a : apply('toFloat', a)));
    if (kind === BOOL)
      return emitMap(node, to, (a) =>
        apply('not', value.element === 'f32' ? apply('equal', a, number(0)) : apply('equalInt', a, integer(0))),
      );
    emitMap(node, to, (a) => (value.element === 'f32' ? apply('toInt', a) : a));
  },
};

const where: OperatorLowering = {
  op: 'Where',
  lower(node, to) {
    const fn = to.input(node, 1).element === 'f32' ? 'select' : 'selectInt';
    emitMap(node, to, (condition, a, b) => apply(fn, condition, a, b));
  },
};

const gelu = (a: Expression): Expression =>
  apply(
    'mul',
    apply('mul', number(0.5), a),
    apply('add', number(1), apply('erf', apply('mul', a, number(Math.SQRT1_2)))),
  );

const softplus = (a: Expression): Expression =>
  apply(
    'add',
    apply('max', a, number(0)),
    apply('log', apply('add', number(1), apply('exp', apply('neg', apply('abs', a))))),
  );

const swish = (a: Expression): Expression => apply('mul', a, apply('sigmoid', a));

function elu(a: Expression, alpha: number, gamma = 1): Expression {
  const below = apply('mul', number(alpha), apply('sub', apply('exp', apply('atMost', a, number(0))), number(1)));
  return apply('mul', number(gamma), apply('select', apply('less', number(0), a), a, below));
}

const hardSigmoid = (a: Expression, alpha: number, beta: number): Expression =>
  apply('atMost', apply('atLeast', apply('add', apply('mul', a, number(alpha)), number(beta)), number(0)), number(1));

const identity = (op: string): OperatorLowering => ({
  op,
  lower(node, to) {
    if (node.outputs.slice(1).some((name) => name !== '' && to.uses(name) > 0))
      throw new NotCovered('only its first output is covered');
    to.reshape(node, to.input(node, 0), to.dims(node.inputs[0] ?? ''), to.output(node));
  },
});

const quantize: OperatorLowering = {
  op: 'QuantizeLinear',
  lower(node, to) {
    const [scale, zero] = quantisation(node, to);
    const type = to.has(node, 2) ? to.constant(node, 2)?.type : 'uint8';
    const range = type === 'int8' ? [-128, 127] : type === 'uint8' ? [0, 255] : undefined;
    if (range === undefined) throw new NotCovered('its zero point must be a constant int8 or uint8');
    const [low, high] = range as [number, number];
    emitMap(
      node,
      to,
      () => {
        const whole = apply('add', apply('round', apply('div', x, scale)), number(zero));
        return apply('toInt', apply('atMost', apply('atLeast', whole, number(low)), number(high)));
      },
      [to.input(node, 0)],
    );
  },
};

const dequantize: OperatorLowering = {
  op: 'DequantizeLinear',
  lower(node, to) {
    const [scale, zero] = quantisation(node, to);
    emitMap(node, to, () => apply('mul', apply('toFloat', apply('subInt', x, integer(zero))), scale), [
      to.input(node, 0),
    ]);
  },
};

function quantisation(node: Node, to: Lowering): [scale: Expression, zero: number] {
  const scale = scalarOf(to.input(node, 1));
  const zero = to.has(node, 2) ? scalarOf(to.input(node, 2)) : integer(0);
  if (scale?.kind !== 'number' || zero?.kind !== 'number')
    throw new NotCovered('scale and zero point must be one constant number each');
  return [scale, zero.value];
}

const oneHot: OperatorLowering = {
  op: 'OneHot',
  lower(node, to) {
    const indices = to.input(node, 0);
    const values = to.input(node, 2).constant;
    if (indices.element !== 'i32' || values === undefined)
      throw new NotCovered('its indices must be whole numbers, its values constant');
    const out = to.output(node);
    const given = intAttribute(node, 'axis', -1);
    const axis = given < 0 ? given + out.dims.length : given;
    const depth = out.dims[axis] as number;
    const places = to.made(
      out.name,
      [depth],
      Int32Array.from({ length: depth }, (_, i) => i),
    );
    const [off, on] = [0, 1].map(
      (i): Expression => ({ kind: 'number', value: values[i] as number, element: out.element }),
    );
    const turned = apply('selectInt', apply('lessInt', x, integer(0)), apply('addInt', x, integer(depth)), x);
    const fn = out.element === 'f32' ? 'select' : 'selectInt';
    to.emit({
      kind: 'map',
      node: labelOf(node),
      out,
      reads: [
        { value: indices, axes: out.dims.map((_, i) => (i === axis ? null : i < axis ? i : i - 1)) },
        { value: places, axes: out.dims.map((_, i) => (i === axis ? 0 : null)) },
      ],
      expression: apply(fn, apply('equalInt', turned, operand(1)), on as Expression, off as Expression),
    });
  },
};

function compare(op: string, float: FunctionName, int: FunctionName, turn = false, not = false): OperatorLowering {
  return {
    op,
    lower(node, to) {
      const fn = to.input(node, 0).element === 'f32' ? float : int;
      emitMap(node, to, (a, b) => {
        const result = turn ? apply(fn, b, a) : apply(fn, a, b);
        return not ? apply('not', result) : result;
      });
    },
  };
}

/** Element by element. */
export const ELEMENTWISE: readonly OperatorLowering[] = [
  binary('Add', 'add', 'addInt'),
  binary('Sub', 'sub', 'subInt'),
  binary('Mul', 'mul', 'mulInt'),
  binary('Div', 'div'),
  many('Min', 'min', 'minInt'),
  many('Max', 'max', 'maxInt'),
  many('Sum', 'add', 'addInt'),
  binary('And', 'and', 'and'),
  binary('Or', 'or', 'or'),
  compare('Less', 'less', 'lessInt'),
  compare('LessOrEqual', 'lessOrEqual', 'lessOrEqualInt'),
  compare('Greater', 'less', 'lessInt', true),
  compare('GreaterOrEqual', 'lessOrEqual', 'lessOrEqualInt', true),
  compare('Equal', 'equal', 'equalInt'),
  { op: 'Not', lower: (node, to) => emitMap(node, to, (a) => apply('not', a)) },
  unary('Relu', (a) => apply('atLeast', a, number(0))),
  unary('Sigmoid', (a) => apply('sigmoid', a)),
  unary('Tanh', (a) => apply('tanh', a)),
  unary('Exp', (a) => apply('exp', a)),
  unary('Log', (a) => apply('log', a)),
  unary('Sqrt', (a) => apply('sqrt', a)),
  unary('Abs', (a) => apply('abs', a)),
  unary('Neg', (a) => apply('neg', a)),
  unary('Floor', (a) => apply('floor', a)),
  unary('Ceil', (a) => apply('ceil', a)),
  unary('Round', (a) => apply('round', a)),
  unary('Erf', (a) => apply('erf', a)),
  unary('Reciprocal', (a) => apply('div', number(1), a)),
  unary('Softplus', softplus),
  unary('Softsign', (a) => apply('div', a, apply('add', number(1), apply('abs', a)))),
  unary('Mish', (a) => apply('mul', a, apply('tanh', softplus(a)))),
  unary('HardSwish', (a) => apply('mul', a, hardSigmoid(a, 1 / 6, 0.5))),
  unary('HardSigmoid', (a, node) =>
    hardSigmoid(a, floatAttribute(node, 'alpha', 0.2), floatAttribute(node, 'beta', 0.5)),
  ),
  unary('LeakyRelu', (a, node) => leaky(a, number(floatAttribute(node, 'alpha', 0.01)))),
  unary('Elu', (a, node) => elu(a, floatAttribute(node, 'alpha', 1))),
  unary('Selu', (a, node) =>
    elu(a, floatAttribute(node, 'alpha', 1.6732632423543772), floatAttribute(node, 'gamma', 1.0507009873554805)),
  ),
  unary('Gelu', (a, node) => {
    if (stringAttribute(node, 'approximate', 'none') !== 'none') {
      const inner = apply(
        'mul',
        number(Math.sqrt(2 / Math.PI)),
        apply('add', a, apply('mul', number(0.044715), powerOf(a, 3))),
      );
      return apply('mul', apply('mul', number(0.5), a), apply('add', number(1), apply('tanh', inner)));
    }
    return gelu(a);
  }),
  { ...unary('Swish', swish), op: 'Swish' },
  clip,
  pRelu,
  pow,
  cast,
  where,
  quantize,
  oneHot,
  dequantize,
  identity('Identity'),
  identity('Dropout'),
];
