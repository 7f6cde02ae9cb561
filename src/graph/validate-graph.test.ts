import { describe, expect, it } from 'vitest';
import { OnnxDecodeError } from '../errors/errors.ts';
import { node } from '../ir/access.ts';
import { parseModelText } from '../onnx/text.ts';
import { validateGraph } from './validate-graph.ts';

const outputsOf = (text: string): string[] =>
  validateGraph(parseModelText(text)).graph.nodes.map(({ outputs }) => outputs[0] as string);

describe('validateGraph', () => {
  it('gives a sound model back as it is', () => {
    const model = parseModelText('input x: float32[2] const w: float32[2] = ones y = Add(x, w) z = Relu(y) output z');
    expect(validateGraph(model)).toBe(model);
  });

  it('sorts nodes that are out of order, and keeps the order otherwise', () => {
    expect(outputsOf('input x c = Add(a, b) a = Relu(x) d = Neg(x) b = Abs(a) output c, d')).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });

  it('sorts by what subgraphs read, and sorts inside them', () => {
    const text = `input x input c y = If(c) { then_branch: { t = Neg(s) s = Relu(a) output t }, else_branch: { e = Abs(x) output e } }
      a = Exp(x) output y`;
    expect(outputsOf(text)).toEqual(['a', 'y']);
    const inner = validateGraph(parseModelText(text)).graph.nodes[1]?.attributes.get('then_branch');
    expect(inner?.kind === 'graph' && inner.value.nodes.map(({ op }) => op)).toEqual(['Relu', 'Neg']);
  });

  it('accepts a constant that is an input too', () => {
    expect(outputsOf('input x, w const w: float32[1] = ones y = Add(x, w) output y')).toEqual(['y']);
  });

  it('lists all problems at once', () => {
    const model = parseModelText(`input x, x const w: float32[1] = ones
      a = Add(x, missing) @first
      w = Relu(a)
      a = Relu(x)
      p = Add(q, x)
      q = Relu(p)
      s = ""(x)
      y = If(x) { then_branch: { t = Neg(nowhere) output t }, else_branch: { e = Abs(a) output f } }
      output y, none`);
    let problems: unknown;
    try {
      validateGraph(model);
    } catch (error) {
      expect(error).toBeInstanceOf(OnnxDecodeError);
      problems = (error as OnnxDecodeError).fields.problems;
    }
    expect(problems).toEqual([
      'two inputs are named "x"',
      'node "w" (Relu) defines "w", which is defined already',
      'node "a" (Relu) defines "a", which is defined already',
      'node "first" (Add) reads "missing", which nothing defines',
      'node "s" () has no operator',
      'the output "none" is defined by nothing',
      'node "t" (Neg) reads "nowhere", which nothing defines',
      'the output "f" is defined by nothing',
      'node "p" (Add) reads, by way of others, what it defines itself',
    ]);
  });

  it('spells out twenty problems and counts the rest', () => {
    const model = parseModelText('input x');
    const nodes = Array.from({ length: 30 }, (_, i) => node('Relu', [`none${i}`], [`y${i}`]));
    expect(() => validateGraph({ ...model, graph: { ...model.graph, nodes } })).toThrow(
      /"none19", which nothing defines; and 10 more$/,
    );
  });

  it('walks a reversed chain of a hundred thousand nodes', () => {
    const model = parseModelText('input v0');
    const count = 100_000;
    const nodes = Array.from({ length: count }, (_, i) => node('Relu', [`v${count - i - 1}`], [`v${count - i}`]));
    expect(validateGraph({ ...model, graph: { ...model.graph, nodes } }).graph.nodes[0]?.inputs).toEqual(['v0']);
  });
});
