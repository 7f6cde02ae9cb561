import { stringAttribute } from '../../ir/access.ts';
import type { GradientRule, NodeForm, RuleContext } from '../rule.ts';

interface Equation {
  readonly terms: readonly string[];
  readonly output: string;
}

/** "ij,jk->ik"; without an arrow the result has the letters that occur once, in alphabetical order. */
function equationOf({ node }: NodeForm): Equation {
  const [left, right] = stringAttribute(node, 'equation', '').replace(/\s/g, '').split('->') as [
    string,
    string | undefined,
  ];
  const letters = [...left.replaceAll(',', '')];
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return { terms: left.split(','), output: right ?? once.join('') };
}

function refusal(form: NodeForm): string | undefined {
  const equation = stringAttribute(form.node, 'equation', '');
  if (equation.includes('...')) return `equation must have no ellipsis, current value is "${equation}"`;
  const repeats = equationOf(form).terms.some((term) => new Set(term).size < term.length);
  return repeats ? `equation must not repeat a letter within a term, current value is "${equation}"` : undefined;
}

/** Y = sum of the products of all terms.   dXi = Einsum(dY, the other terms -> term i), repeated along letters that are in term i alone */
const einsum: GradientRule = {
  op: 'Einsum',
  since: [12],
  linearity: 'multilinear',
  refuses: refusal,
  backward: (at) => {
    const equation = equationOf(at);
    return at.x.map((_, input) => (at.needs(input) ? termGradient(at, equation, input) : null));
  },
};

function termGradient(at: RuleContext, { terms, output }: Equation, input: number): string {
  const others = [...terms.keys()].filter((i) => i !== input);
  const sources = [output, ...others.map((i) => terms[i] as string)];
  const term = [...(terms[input] as string)];
  const known = term.filter((letter) => sources.some((source) => source.includes(letter)));
  const values = [at.dy[0] as string, ...others.map((i) => at.x[i] as string)];
  const gradient = at.emit('Einsum', ...values, { equation: `${sources.join(',')}->${known.join('')}` });
  if (known.length === term.length) return gradient;
  const ones = at.shape(input).map((d, i) => (known.includes(term[i] as string) ? d : 1));
  return at.expand(at.reshape(gradient, ones), at.shape(input));
}

/** Rule of Einsum. */
export const einstein: readonly GradientRule[] = [einsum];
