import { type Recalibrated, recalibrate } from '../../apply/recalibrate.ts';
import { type Finetuned, finetune } from '../../finetune/finetune.ts';
import type { Model } from '../../ir/model.ts';
import type { FinetuneRequest, RecalibrateRequest } from '../requests.node.ts';
import { engineOf, feedsFor } from './opening.node.ts';

/** {@link import('../train.node.ts').finetune}, in this thread. */
export async function finetuneHere([model]: readonly [Model], request: FinetuneRequest): Promise<Finetuned> {
  const { data, preprocess, provider: _, ...options } = request;
  const engine = await engineOf(request);
  return finetune(model, {
    ...options,
    engine,
    source: await feedsFor(model, data, { engine, preprocess, output: request.output }),
  });
}

/** {@link import('../train.node.ts').recalibrate}, in this thread. */
export async function recalibrateHere(
  [pruned, dense]: readonly [Model, Model],
  request: RecalibrateRequest,
): Promise<Recalibrated> {
  const { data, preprocess, provider: _, ...options } = request;
  const engine = await engineOf(request);
  return recalibrate(pruned, dense, {
    ...options,
    engine,
    source: await feedsFor(dense, data, { engine, preprocess }),
  });
}
