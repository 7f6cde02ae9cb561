import { describe, expect, it } from 'vitest';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { node as nodeOf } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import { random } from '../tensor/random.ts';
import { int64, sizeOf, type Tensor } from '../tensor/tensor.ts';
import {
  type Arrangement,
  dimsOf,
  gather,
  isStored,
  positionOf,
  positionsOf,
  reshapedArrangement,
  sameOrder,
  scatter,
  storedArrangement,
  transposedArrangement,
} from './arrangement.ts';
import { GraphBuilder } from './builder.ts';
import { isMove, movedArrangement } from './moves.ts';

/** The runtime moves the numbers of the places: where each element of the result lies in the file. */
async function movedByRuntime(dims: readonly number[], moves: GraphBuilder, last: string): Promise<Tensor> {
  moves.output(last, 'result');
  const session = await onnxruntimeNode.createSession(moves.build());
  const places = Float32Array.from({ length: sizeOf(dims) }, (_, i) => i);
  const outputs = await session.run(new Map([['w', { type: 'float32' as const, dims, data: places }]]));
  await session.release();
  return outputs.get('result') as Tensor;
}

/** A shape of the same size: the factors of the size, joined at random. */
function anyShape(size: number, rng: ReturnType<typeof random>): number[] {
  const dims = [1];
  for (let [left, factor] = [size, 2]; left > 1; )
    if (left % factor !== 0) factor++;
    else {
      left /= factor;
      if (rng.uniform() < 0.5) dims.push(factor);
      else dims[dims.length - 1] = (dims.at(-1) as number) * factor;
    }
  return dims;
}

describe('an arrangement', () => {
  it('leads to the places that the runtime moves them to, through any moves', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const rng = random(seed);
      const pick = (n: number): number => Math.floor(rng.uniform() * n);
      const dims = Array.from({ length: 2 + pick(3) }, () => [1, 2, 3, 4, 5, 6, 12][pick(7)] as number);
      const builder = new GraphBuilder();
      let value = builder.input({ name: 'w', type: 'float32', shape: [...dims] });
      let arrangement: Arrangement = storedArrangement(dims);
      for (let hops = 0; hops < 4; hops++) {
        const now = dimsOf(arrangement);
        const perm = now.map((_, i) => i).sort(() => rng.uniform() - 0.5);
        const ones = now.flatMap((length, i) => (length === 1 ? [i] : []));
        const emits: (() => string)[] = [
          () => builder.emit('Transpose', [value], { perm }),
          () => builder.emit('Transpose', [value]),
          () => builder.emit('Reshape', [value, builder.ints(anyShape(sizeOf(dims), rng))]),
          () => builder.emit('Flatten', [value], { axis: pick(now.length + 1) }),
          () => builder.emit('Unsqueeze', [value, builder.ints([-1, 0])]),
          () => builder.emit('Identity', [value]),
          () =>
            ones.length > 0 ? builder.emit('Squeeze', [value, builder.ints(ones)]) : builder.emit('Squeeze', [value]),
        ];
        value = (emits[pick(emits.length)] as () => string)();
        const made = builder.nodes.at(-1) as Node;
        expect(isMove(made)).toBe(true);
        const graph = builder.build().graph;
        arrangement = movedArrangement(made, arrangement, { graph }) as Arrangement;
      }
      const moved = await movedByRuntime(dims, builder, value);
      expect(dimsOf(arrangement)).toEqual(moved.dims);
      const places = [...positionsOf(arrangement)];
      expect(places).toEqual([...(moved.data as Float32Array)]);
      expect(places.map((_, i) => positionOf(arrangement, i))).toEqual(places);
      const stored = Float32Array.from(places, () => rng.normal());
      const [read, back] = [new Float32Array(stored.length), new Float64Array(stored.length)];
      gather(arrangement, stored, read);
      expect([...read]).toEqual(places.map((place) => stored[place]));
      scatter(arrangement, read, back);
      expect([...back]).toEqual([...stored]);
    }
  });

  it('is the same order whatever the axes, and another one for another order', () => {
    const stored = storedArrangement([4, 6]);
    const turned = transposedArrangement(stored, [1, 0]);
    const across = reshapedArrangement(turned, [8, 3]);
    expect(isStored(reshapedArrangement(stored, [2, 3, 4]))).toBe(true);
    expect(sameOrder(turned, across)).toBe(true);
    expect(sameOrder(turned, stored)).toBe(false);
    expect(isStored(transposedArrangement(storedArrangement([1, 6]), [1, 0]))).toBe(true);
  });

  it('is not known behind shapes that do not fit', () => {
    const graph = new GraphBuilder().build().graph;
    const constants = new Map([
      ['s', { type: 'int64' as const, dims: [2], raw: new Uint8Array(int64([-1, 5]).data.buffer) }],
    ]);
    const known = { graph: { ...graph, constants } };
    expect(movedArrangement(nodeOf('Reshape', ['w', 's'], ['y']), storedArrangement([3, 4]), known)).toBeNull();
    expect(movedArrangement(nodeOf('Reshape', ['w', 'unknown'], ['y']), storedArrangement([3, 4]), known)).toBeNull();
    expect(
      movedArrangement(nodeOf('Transpose', ['w'], ['y'], { perm: [0, 0] }), storedArrangement([3, 4]), known),
    ).toBeNull();
  });
});
