import { blockedWords } from '../graph/blocked/words.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Engine } from './engine.ts';

const KNOWN = new WeakMap<Engine, Promise<number>>();

/**
 * How many channels an engine keeps together in its blocked layout: 16 with AVX-512, 8 with AVX. 1 = it has none, or one
 * that cannot be relied on; other devices than the processor have none. Asked once for each engine. Cost: two small sessions.
 */
export function channelBlock(engine: Engine): Promise<number> {
  if (engine.host !== undefined) return Promise.resolve(1); // the runtime would take such operators back to the processor
  const known = KNOWN.get(engine) ?? probe(engine).catch(() => 1);
  KNOWN.set(engine, known);
  return known;
}

/** Channels that four are filled up to; and whether a convolution by a filter as large as its picture comes out right. */
async function probe(engine: Engine): Promise<number> {
  const filled = await run(engine, [float32([1, 1, 1, 1], [1, 4, 1, 1])], ([x = ''], words) => words.blocked(x));
  const block = filled.dims[1] ?? 1;
  if (block < 8 || filled.data.length !== block) return 1;
  const [side, wide] = [3, 5];
  const picture = Float32Array.from({ length: 2 * side * wide }, (_, i) => (i % 7) - 3);
  const filters = Float32Array.from({ length: 2 * block * side * side }, (_, i) => (i % 5) - 2);
  const inputs = [float32(picture, [1, 2, side, wide]), float32(filters, [2 * block, 1, side, side])];
  const found = await run(engine, inputs, ([x = '', filter = ''], words) =>
    words.conv({ x, filter, group: 2, kernel: [side, side], pads: [1, 0, 1, 0] }),
  );
  return found.data.every((value, i) => value === expected(picture, filters, { i, block, side, wide })) ? block : 1;
}

/** Cell i of [group, 3, 3, block]: every group one plane of the picture and `block` filters. */
function expected(
  picture: Float32Array,
  filters: Float32Array,
  { i, block, side, wide }: { i: number; block: number; side: number; wide: number },
): number {
  const [lane, right, down] = [i % block, Math.floor(i / block) % 3, Math.floor(i / block / 3) % 3];
  const own = Math.floor(i / block / 9);
  let sum = 0;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const row = y + down - 1;
      if (row < 0 || row >= side) continue;
      const weight = filters[((own * side + y) * side + x) * block + lane] as number;
      sum += weight * (picture[(own * side + row) * wide + x + right] as number);
    }
  return sum;
}

async function run(
  engine: Engine,
  inputs: readonly Tensor<Float32Array>[],
  write: (names: readonly string[], words: ReturnType<typeof blockedWords>) => string,
): Promise<Tensor<Float32Array>> {
  const builder = new GraphBuilder();
  const names = inputs.map(({ dims }, i) => builder.input({ name: `in${i}`, type: 'float32', shape: dims }));
  builder.output(write(names, blockedWords(builder)), 'out');
  const session = await engine.createSession(builder.build(), { threads: 1 });
  try {
    const feeds = new Map(inputs.map((tensor, i) => [names[i] as string, tensor]));
    return (await session.run(feeds)).get('out') as Tensor<Float32Array>;
  } finally {
    await session.release();
  }
}
