import { describe, expect, it } from 'vitest';
import { randomFeeds, sharedModels } from '../../../test/shared-models.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { constantOf, tensorOf } from '../../ir/access.ts';
import type { Model } from '../../ir/model.ts';
import { readModel } from '../../onnx/files.node.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { GraphBuilder } from '../builder.ts';
import { widenConstant, widenFloats } from './widen-floats.ts';

/** y = Cast(x, float16) * [1, -2, 0.5], z = y as float32 */
function halfModel(): Model {
  const b = new GraphBuilder();
  const x = b.input({ name: 'x', type: 'float32', shape: [3] });
  const half = b.constant({ type: 'float16', dims: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x3800) });
  const z = b.emit('Cast', [b.emit('Mul', [b.emit('Cast', [x], { to: 10 }), half])], { to: 1 });
  b.output(z, 'z');
  return b.build();
}

async function run(model: Model, feeds: Map<string, Tensor>): Promise<Map<string, Tensor>> {
  const session = await onnxruntimeNode.createSession(model);
  const out = await session.run(feeds);
  await session.release();
  return out;
}

describe('widenFloats', () => {
  it('computes in float32 what was computed in half floats', async () => {
    const wide = widenFloats(halfModel());
    const out = await run(wide, new Map([['x', float32([1, 1 / 3, 70000], [3])]]));
    expect(Array.from((out.get('z') as Tensor<Float32Array>).data)).toEqual([1, Math.fround(-2 / 3), 35000]);
  });

  it('leaves a model without half floats alone, and its own result', () => {
    const wide = widenFloats(halfModel());
    expect(widenFloats(wide)).toBe(wide);
  });

  it('widens every kind of half float exactly', () => {
    const bits = Uint16Array.of(0x0000, 0x0001, 0x03ff, 0x0400, 0x3c01, 0x7bff, 0x7c00, 0xfc00, 0xbc00);
    const halves = widenConstant(constantOf({ type: 'float16', dims: [9], data: bits }));
    expect([...(tensorOf(halves).data as Float32Array)]).toEqual([
      0,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      1 + 2 ** -10,
      65504,
      Infinity,
      -Infinity,
      -1,
    ]);
    const brains = widenConstant(
      constantOf({ type: 'bfloat16', dims: [4], data: Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001) }),
    );
    expect([...(tensorOf(brains).data as Float32Array)]).toEqual([1, -2, Infinity, 2 ** -133]);
  });
});

const squeeze = sharedModels().find(({ name }) => name.endsWith('SqueezeNet_fp16'));

describe.skipIf(squeeze === undefined)('widenFloats on the shared SqueezeNet of half floats', () => {
  it('gives the same classes', async () => {
    const model = await readModel((squeeze as { path: string }).path);
    const wide = widenFloats(model);
    const feeds = randomFeeds(model, 1);
    const wideFeeds = new Map([...feeds].map(([name, tensor]) => [name, tensorOf(widenConstant(constantOf(tensor)))]));
    const [before, after] = [await run(model, feeds), await run(wide, wideFeeds)];
    const [name, y] = [...before][0] as [string, Tensor];
    const narrow = tensorOf(widenConstant(constantOf(y))).data as Float32Array;
    const p = after.get(name)?.data as Float32Array;
    expect(Math.max(...p.map((value, i) => Math.abs(value - (narrow[i] as number))))).toBeLessThan(2e-3);
  }, 60_000);
});
