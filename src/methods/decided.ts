import type { FeedSource } from '../data/feeds.ts';
import { DataError } from '../errors/errors.ts';
import type { WeightLayer } from '../graph/weights.ts';
import type { Model } from '../ir/model.ts';
import { decideOutputs } from '../outputs/decide.ts';
import { methodOf } from './list.ts';
import { defaultOf } from './method.ts';
import type { PruneOptions } from './prune-options.ts';
import { settingOf, strongSettings } from './strong-settings.ts';

/** What was decided for a run from its data, and what the user should know of it. */
export interface Decided<T extends PruneOptions> {
  readonly options: T;
  /** What was decided. */
  readonly notes: readonly string[];
  /** What makes the result worth less. */
  readonly warnings: readonly string[];
}

/**
 * Everything that a run leaves to its data: the loss and the labels of the gradients, which the outputs and the answers say, how many
 * gradient rows there can be, and the settings that are left `auto` (see strongSettings). What does not fit is refused here, before any work. Nothing is left open for a second call to decide.
 *
 * @param layers   those that are pruned, for a sentence
 * @param holding  rows that are held out of the data
 * @throws OptionError, DataError, UnsupportedOpError  as {@link decideOutputs}; DataError if there are fewer rows than were asked for
 */
export async function decided<T extends PruneOptions>(
  model: Model,
  options: T,
  {
    layers = [],
    holding = 0,
  }: { readonly layers?: readonly Pick<WeightLayer, 'size'>[]; readonly holding?: number } = {},
): Promise<Decided<T>> {
  const { source, rows, budget } = options;
  const method = methodOf(options);
  if (!method.needs.gradients) return { options, notes: [], warnings: [] };
  const weights = layers.reduce((sum, { size }) => sum + size, 0);
  const facts = { budget, model, source, holding, ...(weights > 0 && { weights }) };
  if (source === undefined || rows !== undefined) {
    const byAnswers = options.labels !== 'model' && options.loss !== 'random';
    const drawn = samplesOf(options, settingOf(method, options, 'samples') as number);
    return {
      options: { ...options, ...strongSettings(method, options, { ...facts, drawn, byAnswers }) },
      notes: [],
      warnings: [],
    };
  }
  const loss = options.loss ?? (source.isMadeUp === true && options.labels !== 'model' ? 'random' : undefined);
  const outputs = await decideOutputs(model, { ...options, source, ...(loss && { loss }) });
  const drawn = outputs.labels === 'model' && outputs.loss !== 'random' && options.labels === undefined;
  const counted = rowsOf(options, source, { layers, holding });
  return {
    options: {
      ...options,
      loss: outputs.loss,
      labels: outputs.labels,
      output: outputs.judged.name,
      samples: counted.samples,
      ...strongSettings(method, options, {
        ...facts,
        drawn: samplesOf(options, counted.samples),
        byAnswers: outputs.labels !== 'model' && outputs.loss !== 'random',
      }),
    },
    notes: [outputs.says],
    warnings: [
      ...(drawn ? ["the data has no labels: the gradients use labels drawn from the model's own prediction"] : []),
      ...counted.warnings,
    ],
  };
}

/** Samples that so many gradient rows take. */
function samplesOf(options: PruneOptions, rows: number): number {
  return rows * (options.batch ?? (defaultOf(methodOf(options), 'batch') as number));
}

/** Fewer gradient rows than this say little about a loss. */
const FEW_ROWS = 100;

/** The gradient rows n of a run: as asked, else the method's default or what the data has. */
function rowsOf(
  options: PruneOptions,
  { count }: FeedSource,
  { layers, holding }: { readonly layers: readonly Pick<WeightLayer, 'size'>[]; readonly holding: number },
): { readonly samples: number; readonly warnings: readonly string[] } {
  const method = methodOf(options);
  const batch = options.batch ?? (defaultOf(method, 'batch') as number);
  const there = Math.floor((count - holding) / batch);
  const wanted = options.samples ?? (defaultOf(method, 'samples') as number);
  if (there < 1 || (options.samples !== undefined && there < wanted))
    throw new DataError(
      `Cannot take ${there < 1 ? 1 : wanted} gradient rows of ${batch} samples each: the data has ${count} samples; take fewer rows, or smaller ones`,
      { remedies: [{ option: 'samples' }, { option: 'batch' }] },
    );
  const samples = Math.min(wanted, there);
  const fewer =
    samples < wanted
      ? [`the data gives ${samples} gradient rows of ${batch} samples, fewer than the default of ${wanted}`]
      : [];
  const weights = layers.reduce((sum, { size }) => sum + size, 0);
  const few =
    samples < FEW_ROWS && weights > 0 ? [`${samples} gradient rows are few: ${knownBy(samples, weights)}`] : [];
  return { samples, warnings: [...fewer, ...few] };
}

function knownBy(samples: number, weights: number): string {
  return samples < weights
    ? `the loss model knows ${samples} directions of ${weights}`
    : `the loss model knows all ${weights} directions, but each from few samples`;
}
