import { stringAttribute } from '../../ir/access.ts';
import { sizeOf } from '../../tensor/tensor.ts';
import type { GradientRule, NodeForm, RuleContext } from '../rule.ts';

/** An input as the products take it. */
interface Term {
  /** A letter for each axis that is kept. */
  readonly letters: string;
  /** Lengths of these axes; the others are ones that are broadcast. */
  readonly dims: readonly number[];
}

interface Equation {
  readonly terms: readonly Term[];
  readonly output: string;
}

const ELLIPSIS = '...';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Axes of each input that an ellipsis stands for. */
function hidden(term: string, rank: number): number {
  return term.includes(ELLIPSIS) ? rank - (term.length - ELLIPSIS.length) : 0;
}

/**
 * "ij,jk->ik"; without an arrow the result has the axes of the ellipses, then the letters that occur once, in alphabetical order.
 * An ellipsis gets letters of its own, aligned at its end; axes of length 1 that are broadcast against it are left out.
 */
function equationOf({ node, x, shape }: NodeForm): Equation {
  const [left, right] = stringAttribute(node, 'equation', '').replace(/\s/g, '').split('->') as [
    string,
    string | undefined,
  ];
  const given = left.split(',');
  const most = Math.max(0, ...given.map((term, i) => hidden(term, shape(i).length)));
  const free = [...LETTERS].filter((letter) => !left.includes(letter) && !right?.includes(letter));
  const wide = free.slice(0, most).join('');
  const spelled = given.map((term, i) => term.replace(ELLIPSIS, wide.slice(most - hidden(term, shape(i).length))));
  const longest = new Map<string, number>();
  spelled.forEach((term, i) => {
    for (const [axis, letter] of [...term].entries())
      longest.set(letter, Math.max(longest.get(letter) ?? 1, shape(i)[axis] as number));
  });
  const terms = x.map((_, i): Term => {
    const axes = [...(spelled[i] as string)].map((letter, axis) => [letter, shape(i)[axis] as number] as const);
    const kept = axes.filter(([letter, d]) => !wide.includes(letter) || d === longest.get(letter));
    return { letters: kept.map(([letter]) => letter).join(''), dims: kept.map(([, d]) => d) };
  });
  const letters = left.replaceAll(ELLIPSIS, '').replaceAll(',', '');
  const once = [...letters].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return { terms, output: right?.replace(ELLIPSIS, wide) ?? wide + once.join('') };
}

/**
 * Y = sum of the products of all terms.   dXi = Einsum(dY, the other terms -> term i), repeated along letters that are in term i alone,
 * and put on the diagonal of letters that term i repeats
 */
const einsum: GradientRule = {
  op: 'Einsum',
  since: [12],
  linearity: 'multilinear',
  backward: (at) => {
    const equation = equationOf(at);
    return at.x.map((_, input) => (at.needs(input) ? termGradient(at, equation, input) : null));
  },
};

function termGradient(at: RuleContext, { terms, output }: Equation, input: number): string {
  const others = [...terms.keys()].filter((i) => i !== input);
  const sources = [output, ...others.map((i) => (terms[i] as Term).letters)];
  const { letters, dims } = terms[input] as Term;
  const first = (i: number): boolean => letters.indexOf(letters[i] as string) === i;
  const known = [...letters].filter((letter, i) => first(i) && sources.some((source) => source.includes(letter)));
  const values = [at.dy[0] as string, ...others.map((i) => operand(at, terms[i] as Term, i))];
  const gradient = at.emit('Einsum', ...values, { equation: `${sources.join(',')}->${known.join('')}` });
  const ones = dims.map((d, i) => (first(i) && known.includes(letters[i] as string) ? d : 1));
  const spread = known.length === letters.length ? gradient : at.expand(at.reshape(gradient, ones), dims);
  const placed = onDiagonals(at, spread, { letters, dims });
  return dims.length === at.shape(input).length ? placed : at.reshape(placed, at.shape(input));
}

/** An input without the axes that are broadcast. */
function operand(at: RuleContext, { dims }: Term, input: number): string {
  const x = at.x[input] as string;
  return dims.length === at.shape(input).length ? x : at.reshape(x, dims);
}

/** Zero wherever the places along axes of one letter differ. */
function onDiagonals(at: RuleContext, value: string, { letters, dims }: Term): string {
  const pairs = [...letters].flatMap((letter, i) =>
    letters.indexOf(letter) < i ? [[letters.indexOf(letter), i]] : [],
  );
  if (pairs.length === 0) return value;
  const strides = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const place = (at: number, axis: number): number =>
    Math.floor(at / (strides[axis] as number)) % (dims[axis] as number);
  const mask = Float32Array.from({ length: sizeOf(dims) }, (_, k) =>
    pairs.every(([a, b]) => place(k, a as number) === place(k, b as number)) ? 1 : 0,
  );
  return at.emit('Mul', value, at.floats(mask, dims));
}

/** Rule of Einsum. */
export const einstein: readonly GradientRule[] = [einsum];
