import type { Engine } from '../../engine/engine.ts';
import { decideOutputs } from '../../outputs/decide.ts';
import type { OutputChoice, Outputs } from '../../outputs/outputs.ts';
import type { OpenedData } from '../../pipeline/opened-data.ts';
import type { Context } from '../context.ts';
import type { OpenedModel } from '../opening.node.ts';

/** Finds out what some rows are held against, and says it. @throws DataError if labels or targets fit no output */
export async function decideFor(
  context: Context,
  { model }: OpenedModel,
  { engine, data, choice }: { engine: Engine; data: OpenedData; choice: OutputChoice },
): Promise<Outputs> {
  const outputs = await context.timed('outputs', () =>
    decideOutputs(model, { engine, source: data.source, ...choice }),
  );
  context.note(outputs.says);
  return outputs;
}
