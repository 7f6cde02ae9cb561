import { float } from '../../../ir/access.ts';
import type { Node } from '../../../ir/model.ts';
import type { NodeForm, RuleContext } from '../../rule.ts';
import { oneMinusSquare, plus, times } from '../elementwise.ts';

/** A gate's function and its derivative, read off the result. */
export interface Activation {
  readonly value: (at: RuleContext, x: string) => string;
  readonly slope: (at: RuleContext, y: string) => string;
}

interface Parameters {
  readonly alpha: number;
  readonly beta: number;
}

/** 1 where a condition on y holds, else another number. */
function choose(at: RuleContext, condition: string, [yes, no]: readonly [number, number]): string {
  return at.emit('Where', condition, at.scalar(yes), at.scalar(no));
}

const above = (at: RuleContext, y: string, bound = 0): string => at.emit('Greater', y, at.scalar(bound));

interface Kind {
  /** Default of alpha, and of beta where there is one. */
  readonly defaults?: readonly [alpha: number, beta?: number];
  readonly make: (parameters: Parameters) => Activation;
}

const KINDS: Readonly<Record<string, Kind>> = {
  sigmoid: {
    make: () => ({
      value: ({ emit }, x) => emit('Sigmoid', x),
      slope: ({ emit, scalar }, y) => emit('Mul', y, emit('Sub', scalar(1), y)),
    }),
  },
  tanh: { make: () => ({ value: ({ emit }, x) => emit('Tanh', x), slope: oneMinusSquare }) },
  relu: {
    make: () => ({ value: ({ emit }, x) => emit('Relu', x), slope: (at, y) => choose(at, above(at, y), [1, 0]) }),
  },
  hardsigmoid: {
    defaults: [0.2, 0.5],
    make: ({ alpha, beta }) => ({
      value: ({ emit }, x) => emit('HardSigmoid', x, { alpha: float(alpha), beta: float(beta) }),
      slope: (at, y) => {
        const inside = at.emit('And', above(at, y), at.emit('Less', y, at.scalar(1)));
        return choose(at, inside, [alpha, 0]);
      },
    }),
  },
  affine: {
    defaults: [1, 0],
    make: ({ alpha, beta }) => ({
      value: (at, x) => plus(at, times(at, x, alpha), beta),
      slope: (at, y) => at.emit('Expand', at.scalar(alpha), at.emit('Shape', y)),
    }),
  },
  leakyrelu: {
    defaults: [0.01],
    make: ({ alpha }) => ({
      value: ({ emit }, x) => emit('LeakyRelu', x, { alpha: float(alpha) }),
      slope: (at, y) => choose(at, above(at, y), [1, alpha]),
    }),
  },
  scaledtanh: {
    defaults: [1, 1],
    make: ({ alpha, beta }) => ({
      value: (at, x) => times(at, at.emit('Tanh', times(at, x, beta)), alpha),
      slope: (at, y) => times(at, oneMinusSquare(at, times(at, y, 1 / alpha)), alpha * beta),
    }),
  },
  elu: {
    defaults: [1],
    make: ({ alpha }) => ({
      value: ({ emit }, x) => emit('Elu', x, { alpha: float(alpha) }),
      slope: (at, y) => at.emit('Where', above(at, y), at.scalar(1), plus(at, y, alpha)),
    }),
  },
  softsign: {
    make: () => ({
      value: ({ emit }, x) => emit('Softsign', x),
      slope: ({ emit, scalar }, y) => {
        const rest = emit('Sub', scalar(1), emit('Abs', y));
        return emit('Mul', rest, rest);
      },
    }),
  },
  softplus: {
    make: () => ({
      value: ({ emit }, x) => emit('Softplus', x),
      slope: ({ emit, scalar }, y) => emit('Sub', scalar(1), emit('Exp', emit('Neg', y))),
    }),
  },
};

/** The names of the gates' functions, for all directions in turn. */
function namesOf(node: Node, defaults: readonly string[], directions: number): readonly string[] {
  const stated = node.attributes.get('activations');
  return stated?.kind === 'strings' && stated.value.length > 0
    ? stated.value
    : Array.from({ length: directions }, () => defaults).flat();
}

/** Why a node's functions are not differentiated. */
export function refusedActivation({ node }: NodeForm): string | undefined {
  const unknown = namesOf(node, [], 0).find((name) => KINDS[name.toLowerCase()] === undefined);
  return unknown === undefined
    ? undefined
    : `activations must be among ${Object.keys(KINDS).join(', ')}, current value is "${unknown}"`;
}

/** The gates' functions of each direction; alphas and betas are used up by those that have one. */
export function activationsOf(node: Node, defaults: readonly string[], directions: number): Activation[][] {
  const list = (name: string): number[] => {
    const found = node.attributes.get(name);
    return found?.kind === 'floats' ? [...found.value] : [];
  };
  const [alphas, betas] = [list('activation_alpha'), list('activation_beta')];
  const all = namesOf(node, defaults, directions).map((name) => {
    const { defaults: own = [], make } = KINDS[name.toLowerCase()] as Kind;
    const alpha = own[0] === undefined ? 0 : (alphas.shift() ?? own[0]);
    const beta = own[1] === undefined ? 0 : (betas.shift() ?? own[1]);
    return make({ alpha, beta });
  });
  return Array.from({ length: directions }, (_, d) => all.slice(d * defaults.length, (d + 1) * defaults.length));
}
