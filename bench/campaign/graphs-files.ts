import { sparsity } from '../../src/budget/budget.ts';
import { findWeights } from '../../src/graph/weights.ts';
import { prune } from '../../src/methods/prune.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { random } from '../../src/tensor/random.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { drawn, sayingOf } from './random-graph.ts';

const METHODS = ['magnitude', 'magnitude', 'reconstruct', 'chita', 'woodfisher', 'chita-cd', 'chita-block'] as const;

/** A pruned file as the stock runtime has it: zeros as claimed, the budget met, all other constants as they were. */
export async function filesOf(key: string): Promise<Verdict> {
  const net = drawn(key);
  const { engine } = net;
  const rng = random(`${key}/files`);
  const share = Math.round(95 * rng.uniform()) / 100;
  const method = METHODS[rng.integer(METHODS.length)] as (typeof METHODS)[number];
  const { prunable } = findWeights(net.model);
  const p = prunable.reduce((sum, { size }) => sum + size, 0);
  if (p > 1500 && method !== 'magnitude') return RIGHT;
  const options = method === 'magnitude' ? {} : { source: net.source, samples: 12, lambda: 1e-2, ...sayingOf(net) };
  const { model, w, chosen } = await prune(net.model, { engine, budget: sparsity(share), method, ...options });
  const again = decodeModel(encodeModel(model));
  const names = chosen.layers.map(({ name }) => name);
  const kinds = { type: null, shape: null };
  const open = {
    ...again,
    graph: { ...again.graph, outputs: [...again.graph.outputs, ...names.map((name) => ({ name, ...kinds }))] },
  };
  const session = await engine.createSession(encodeModel(open));
  const { inputs } = await net.source.feeds(Array.from({ length: net.source.fixedBatch ?? 2 }, (_, i) => i));
  const values = await session.run(inputs);
  await session.release();
  let [start, kept] = [0, 0];
  for (const { name, size } of chosen.layers) {
    const claimed = w.subarray(start, start + size).reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0);
    const found = (values.get(name) as Tensor<Float32Array>).data.reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0);
    if (found !== claimed) return wrong(`${method}: other nonzeros in the file than claimed`);
    kept += found;
    start += size;
  }
  if (kept > Math.ceil(p * (1 - share)) + 1e-9) return wrong(`${method}: more weights kept than the budget allows`);
  const output = values.get(net.output) as Tensor<Float32Array>;
  if (!output.data.every(Number.isFinite)) return wrong(`${method}: outputs are not finite`);
  return sameOthers(net.model.graph.constants, again.graph.constants, new Set(names))
    ? RIGHT
    : wrong(`${method}: another constant changed`);
}

type Constants = ReadonlyMap<string, { readonly raw: Uint8Array | readonly string[] }>;

function sameOthers(before: Constants, after: Constants, pruned: ReadonlySet<string>): boolean {
  return [...before].every(
    ([name, { raw }]) =>
      pruned.has(name) ||
      Buffer.compare(Buffer.from(raw as Uint8Array), Buffer.from((after.get(name)?.raw ?? []) as Uint8Array)) === 0,
  );
}
