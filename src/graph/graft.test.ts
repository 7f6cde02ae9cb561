import { describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { parseModelText } from '../onnx/text.ts';
import { float32 } from '../tensor/tensor.ts';
import { GraphBuilder } from './builder.ts';
import { graft } from './graft.ts';

const NET = (w: number) =>
  parseModelText(`
    input x: float32[2]
    const w: float32[] = [${w}.0]
    const yes: bool[] = [1]
    t = Mul(x, w)
    y = If(yes) {
      then_branch: { const v: float32[] = [3.0] a = Add(t, v) b = If(yes) { then_branch: { t2 = Add(a, x) output t2 }, else_branch: { t2 = Add(t, v) output t2 } } output b },
      else_branch: { a = Neg(t) output a }
    }
    output y
  `);

describe('graft', () => {
  it('keeps two models with subgraphs of the same names apart', async () => {
    const builder = new GraphBuilder(NET(2).graph);
    const of = graft(builder, NET(5).graph, 'other/');
    builder.expose('y');
    builder.expose(of('y'));
    const session = await onnxruntimeNode.createSession(builder.build({ opset: 17 }));
    const outputs = await session.run(new Map([['x', float32([1, 2], [2])]]));
    expect(outputs.get('y')?.data).toEqual(Float32Array.of(6, 9));
    expect(outputs.get(of('y'))?.data).toEqual(Float32Array.of(9, 15));
    await session.release();
  });
});
