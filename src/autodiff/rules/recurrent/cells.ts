import { intAttribute } from '../../../ir/access.ts';
import type { RuleContext } from '../../rule.ts';
import type { Activation } from './activation.ts';
import { carried, type Direction, gatesOf, masked, type StepGradients, sums } from './layer.ts';
import { scan } from './scan.ts';

/**
 * h = f(a + u).   Backward: dh = dY + (from the next step);  da = du = dh f'
 * The state on its way back is du R, and dh itself where no step was taken.
 */
export function plainCell(at: RuleContext, direction: Direction): StepGradients {
  const { A, U } = sums(at, direction);
  const [f] = direction.activations as [Activation];
  const slope = masked(at, direction, f.slope(at, f.value(at, at.emit('Add', A, U))));
  const keep = direction.mask === undefined ? [] : [at.emit('Sub', at.scalar(1), direction.mask)];
  const { states, outputs } = scan(at, {
    stem: `${direction.stem}/back`,
    reverse: true,
    states: [direction.dLast],
    inputs: [direction.dY, slope, ...keep],
    step: ({ emit }, [next], [dY, K, rest]) => {
      const dh = emit('Add', dY as string, next as string);
      const dA = emit('Mul', dh, K as string);
      const back = emit('MatMul', dA, direction.R);
      return { states: [rest === undefined ? back : emit('Add', back, emit('Mul', dh, rest))], outputs: [dA] };
    },
  });
  return { dA: outputs[0] as string, dU: outputs[0] as string, dh: states[0] as string, dc: '' };
}

/** c of every step, [T, B, H]: c = forget c + add */
function cellsOf(at: RuleContext, direction: Direction, forget: string, add: string): string {
  const { outputs } = scan(at, {
    stem: `${direction.stem}/cells`,
    reverse: false,
    states: [direction.c0],
    inputs: [forget, add],
    step: ({ emit }, [c], [f, a]) => {
      const next = emit('Add', emit('Mul', f as string, c as string), a as string);
      return { states: [next], outputs: [emit('Identity', next)] };
    },
  });
  return outputs[0] as string;
}

/**
 * i, o, f = f(a + u), n = g(a + u) in parts;  c = f c- + i n;  h = o h(c).
 * Backward: dh = dY + next;  dc = next + dh o h'(c);  di = dc n f'(i), do = dh h(c) f'(o), df = dc c- f'(f), dn = dc i g'(n)
 * The states on their way back: [di, do, df, dn] R for h, dc f for c.
 */
export function lstmCell(at: RuleContext, direction: Direction): StepGradients {
  const { sizes, activations } = direction;
  const { T, B, H } = sizes;
  const { emit } = at;
  const { A, U } = sums(at, direction);
  const [f, g, h] = activations as [Activation, Activation, Activation];
  const sum = gatesOf(at, emit('Add', A, U), sizes, 4);
  const [i, o, forget] = sum.slice(0, 3).map((gate) => f.value(at, gate)) as [string, string, string];
  const n = g.value(at, sum[3] as string);
  const cells = cellsOf(at, direction, forget, emit('Mul', i, n));
  const start = at.reshape(direction.c0, [1, B, H]);
  const before =
    T === 1 ? start : emit('Concat', start, at.slice(cells, { starts: [0], ends: [T - 1], axes: [0] }), { axis: 0 });
  const out = h.value(at, cells);
  const K = [
    emit('Mul', n, f.slope(at, i)),
    emit('Mul', out, f.slope(at, o)),
    emit('Mul', before, f.slope(at, forget)),
    emit('Mul', i, g.slope(at, n)),
  ];
  const keep = direction.mask === undefined ? [] : [emit('Sub', at.scalar(1), direction.mask)];
  const { states, outputs } = scan(at, {
    stem: `${direction.stem}/back`,
    reverse: true,
    states: [direction.dLast, direction.dCell],
    inputs: [
      direction.dY,
      masked(at, direction, emit('Concat', ...K, { axis: -1 })),
      masked(at, direction, emit('Mul', o, h.slope(at, out))),
      carried(at, direction, forget),
      ...keep,
    ],
    step: (words, [nextH, nextC], [dY, slopes, cell, remembered, rest]) => {
      const dh = words.emit('Add', dY as string, nextH as string);
      const dc = words.emit('Add', nextC as string, words.emit('Mul', dh, cell as string));
      const dA = words.emit('Mul', words.emit('Concat', dc, dh, dc, dc, { axis: -1 }), slopes as string);
      const back = words.emit('MatMul', dA, direction.R);
      const states = [
        rest === undefined ? back : words.emit('Add', back, words.emit('Mul', dh, rest)),
        words.emit('Mul', dc, remembered as string),
      ];
      return { states, outputs: [dA] };
    },
  });
  return { dA: outputs[0] as string, dU: outputs[0] as string, dh: states[0] as string, dc: states[1] as string };
}

/**
 * z, r = f(a + u) in parts;  h = (1 - z) n + z h-.
 * With linear_before_reset n = g(a + r u): the third part of dU is dn r, that of dA is dn.
 * Without it n = g(a + (r h-) R_n'): the third part of R is multiplied by r h-.
 * Backward: dh = dY + next;  dz = dh (h- - n) f'(z);  dn = dh (1 - z) g'(n).
 */
export function gruCell(at: RuleContext, direction: Direction): StepGradients {
  return intAttribute(at.node, 'linear_before_reset', 0) === 0 ? resetBefore(at, direction) : resetAfter(at, direction);
}

/** z, r and the three parts of the sums. */
function gruGates(at: RuleContext, direction: Direction): { z: string; r: string; a: string; u: string } {
  const { A, U } = sums(at, direction);
  const [az, ar, a] = gatesOf(at, A, direction.sizes, 3) as [string, string, string];
  const [uz, ur, u] = gatesOf(at, U, direction.sizes, 3) as [string, string, string];
  const [f] = direction.activations as [Activation];
  return { z: f.value(at, at.emit('Add', az, uz)), r: f.value(at, at.emit('Add', ar, ur)), a, u };
}

/** (h- - n) f'(z) and (1 - z) g'(n) */
function gruSlopes(at: RuleContext, { before, activations }: Direction, z: string, n: string): [string, string] {
  const [f, g] = activations as [Activation, Activation];
  return [
    at.emit('Mul', at.emit('Sub', before, n), f.slope(at, z)),
    at.emit('Mul', at.emit('Sub', at.scalar(1), z), g.slope(at, n)),
  ];
}

function resetAfter(at: RuleContext, direction: Direction): StepGradients {
  const { emit } = at;
  const [f, g] = direction.activations as [Activation, Activation];
  const { z, r, a, u } = gruGates(at, direction);
  const n = g.value(at, emit('Add', a, emit('Mul', r, u)));
  const [Kz, Kn] = gruSlopes(at, direction, z, n);
  const Kr = emit('Mul', Kn, emit('Mul', u, f.slope(at, r)));
  const { states, outputs } = scan(at, {
    stem: `${direction.stem}/back`,
    reverse: true,
    states: [direction.dLast],
    inputs: [
      direction.dY,
      masked(at, direction, emit('Concat', Kz, Kr, emit('Mul', Kn, r), { axis: -1 })),
      carried(at, direction, z),
    ],
    step: (words, [next], [dY, slopes, kept]) => {
      const dh = words.emit('Add', dY as string, next as string);
      const dU = words.emit('Mul', words.emit('Concat', dh, dh, dh, { axis: -1 }), slopes as string);
      const back = words.emit('Add', words.emit('MatMul', dU, direction.R), words.emit('Mul', dh, kept as string));
      return { states: [back], outputs: [dU, dh] };
    },
  });
  const [dU, dh] = outputs as [string, string];
  const [dz, dr] = gatesOf(at, dU, direction.sizes, 3) as [string, string];
  const dA = emit('Concat', dz, dr, emit('Mul', dh, masked(at, direction, Kn)), { axis: -1 });
  return { dA, dU, dh: states[0] as string, dc: '' };
}

function resetBefore(at: RuleContext, direction: Direction): StepGradients {
  const { emit } = at;
  const { H } = direction.sizes;
  const [f, g] = direction.activations as [Activation, Activation];
  const { z, r, a } = gruGates(at, direction);
  const rows = (from: number, to: number): string => at.slice(direction.R, { starts: [from], ends: [to], axes: [0] });
  const [Rzr, Rn] = [rows(0, 2 * H), rows(2 * H, 3 * H)];
  const reset = emit('Mul', r, direction.before);
  const bias = direction.bias && at.slice(direction.bias[1], { starts: [2 * H], ends: [3 * H], axes: [0] });
  const linear = emit('Add', a, emit('MatMul', reset, at.transpose(Rn, [1, 0])));
  const n = g.value(at, bias === undefined ? linear : emit('Add', linear, bias));
  const [Kz, Kn] = gruSlopes(at, direction, z, n);
  const { states, outputs } = scan(at, {
    stem: `${direction.stem}/back`,
    reverse: true,
    states: [direction.dLast],
    inputs: [
      direction.dY,
      masked(at, direction, Kz),
      emit('Mul', direction.before, f.slope(at, r)),
      masked(at, direction, Kn),
      r,
      carried(at, direction, z),
    ],
    step: (words, [next], [dY, kz, kr, kn, reset1, kept]) => {
      const dh = words.emit('Add', dY as string, next as string);
      const dn = words.emit('Mul', dh, kn as string);
      const dp = words.emit('MatMul', dn, Rn);
      const dzr = words.emit('Concat', words.emit('Mul', dh, kz as string), words.emit('Mul', dp, kr as string), {
        axis: -1,
      });
      const direct = words.emit('Add', words.emit('Mul', dh, kept as string), words.emit('Mul', dp, reset1 as string));
      return {
        states: [words.emit('Add', direct, words.emit('MatMul', dzr, Rzr))],
        outputs: [words.emit('Concat', dzr, dn, { axis: -1 })],
      };
    },
  });
  return { dA: outputs[0] as string, dU: outputs[0] as string, dh: states[0] as string, dc: '', reset };
}
