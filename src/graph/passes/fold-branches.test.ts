import { describe, expect, it } from 'vitest';
import { outputGap, randomFeeds } from '../../../test/shared-models.ts';
import { foldAndCapture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { parseModelText } from '../../onnx/text.ts';
import { constantsToInitializers } from './constants-to-initializers.ts';
import { foldBranches } from './fold-branches.ts';

const BRANCHES = `{
  then_branch: { const w: float32[6,2] = random(1) a = MatMul(x, w) output a },
  else_branch: { const w: float32[6,2] = random(2) t = MatMul(x, w) b = Neg(t) output b }
}`;
const model = (condition: string, head = '') =>
  parseModelText(`${head} input x: float32[N,6] ${condition} y = If(c) ${BRANCHES} @if z = Relu(y) output z`);
const opsOf = (of: { graph: { nodes: readonly { op: string }[] } }): string[] => of.graph.nodes.map(({ op }) => op);

describe('foldBranches', () => {
  it.each([
    ['true', 'const c: bool[] = [1]', ['MatMul', 'Identity', 'Relu']],
    ['false', 'c = Constant() { value: bool[1] = [0] }', ['MatMul', 'Neg', 'Identity', 'Relu']],
  ])('takes the branch of a condition that is always %s', async (_, condition, ops) => {
    const before = model(condition);
    const graph = foldBranches(constantsToInitializers(before.graph));
    expect(graph.nodes.map(({ op }) => op)).toEqual(ops);
    expect(await outputGap(before, { ...before, graph }, randomFeeds(before, 1))).toBe(0);
  });

  it.each([
    [
      'a dimension behind the first',
      's = Shape(x) g = Gather(s, i) const i: int64[] = [1] c = Greater(g, f) const f: int64[] = [5]',
    ],
    [
      'a dimension counted from the end',
      's = Shape(x) g = Gather(s, i) const i: int64[] = [-1] c = Greater(g, f) const f: int64[] = [9]',
    ],
    ['a rank', 's = Shape(x) r = Size(s) c = Equal(r, f) const f: int64[] = [2]'],
  ])('takes the branch of a condition on %s', async (_, condition) => {
    const before = model(condition);
    const { model: folded, captured } = await foldAndCapture(onnxruntimeNode, before, randomFeeds(before, 1));
    expect(opsOf(folded)).not.toContain('If');
    expect(captured.get(folded.graph.nodes.find(({ op }) => op === 'MatMul')?.outputs[0] ?? '')?.dims).toEqual([2, 2]);
    expect(await outputGap(before, folded, randomFeeds(before, 2))).toBe(0);
  });

  it.each([
    [
      'the number of samples',
      's = Shape(x) g = Gather(s, i) const i: int64[] = [0] c = Greater(g, f) const f: int64[] = [5]',
    ],
    ['the data', 'r = ReduceMax(x) { keepdims: 0 } c = Greater(r, f) const f: float32[] = [0.5]'],
    ['a constant that can be fed another value', 'input c: bool[] const c: bool[] = [1]'],
  ])('leaves a condition on %s to the runtime', async (_, condition) => {
    const before = model(condition);
    const { model: folded } = await foldAndCapture(onnxruntimeNode, before, randomFeeds(before, 1));
    expect(opsOf(folded)).toContain('If');
  });

  it('goes into branches of branches', async () => {
    const before = parseModelText(`
      input x: float32[N,6]
      const c: bool[] = [1]
      y = If(c) {
        then_branch: { s = Shape(x) g = Gather(s, i) const i: int64[] = [1] d = Less(g, f) const f: int64[] = [5] y2 = If(d) ${BRANCHES} output y2 },
        else_branch: { n = Neg(x) output n }
      }
      output y
    `);
    const { model: folded } = await foldAndCapture(onnxruntimeNode, before, randomFeeds(before, 1));
    expect(opsOf(folded)).not.toContain('If');
    expect(await outputGap(before, folded, randomFeeds(before, 2))).toBe(0);
  });
});
