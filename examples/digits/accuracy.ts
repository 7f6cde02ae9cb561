import type { Engine } from '../../src/engine/engine.ts';
import type { Model } from '../../src/ir/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { rowsOf, type Samples } from './samples.ts';

const BATCH = 500;

/** Share of samples whose largest logit is that of their class. */
export async function accuracyOf(engine: Engine, model: Model | Uint8Array, samples: Samples): Promise<number> {
  const session = await engine.createSession(model);
  const count = samples.labels.data.length;
  let right = 0;
  for (let start = 0; start < count; start += BATCH) {
    const rows = Int32Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => start + i);
    const { x, labels } = rowsOf(samples, rows);
    const outputs = await session.run(new Map([[session.inputs[0] ?? '', x]]));
    const logits = outputs.get(session.outputs[0] ?? '') as Tensor<Float32Array>;
    labels.data.forEach((label, i) => {
      if (largest(logits, i) === Number(label)) right++;
    });
  }
  await session.release();
  return right / count;
}

function largest({ dims, data }: Tensor<Float32Array>, row: number): number {
  const classes = dims[1] ?? 0;
  const logits = data.subarray(row * classes, (row + 1) * classes);
  return logits.indexOf(Math.max(...logits));
}
