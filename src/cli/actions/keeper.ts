import type { Command } from 'commander';
import type { NamedArrays } from '../../checkpoint/array-file.ts';
import {
  type Checkpoint,
  hasCheckpoint,
  openCheckpoint,
  type Progress,
  readJournal,
  readState,
  type SavedState,
  type StateParts,
} from '../../checkpoint/checkpoint.node.ts';
import { checkSameRun, type Journal } from '../../checkpoint/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import { messageOf, OutputError } from '../../errors/errors.ts';
import { externalHash } from '../../onnx/files.node.ts';
import type { DropTrial } from '../../pipeline/max-drop.ts';
import { dataFacts, type OpenedData } from '../../pipeline/opened-data.ts';
import type { Recipe } from '../../pipeline/recipe.ts';
import type { RunKeeper } from '../../pipeline/run-ports.ts';
import type { SweepCell } from '../../pipeline/sweep.ts';
import { WITHOUT_RECALL, within } from '../../progress/recall.ts';
import type { Keeping } from '../../pruning/job.ts';
import { toolFacts } from '../../report/surroundings.node.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import type { CheckpointFlags } from '../flags.ts';
import type { OpenedModel } from '../opening.node.ts';
import { absolute, checkWritableFolder, realFolder, withoutEnding } from '../outputs.node.ts';
import { gradualStateOf, jsonOf, trainingStateOf } from './states.ts';

/** Keeps the states of a run that may be interrupted. */
export interface Keeper {
  /** The same as a run takes it. */
  readonly run: RunKeeper;
  /** Of a sweep: the runs that are done, and where each more of them is kept at once. */
  readonly cells: readonly SweepCell[];
  readonly onCells: (cells: readonly SweepCell[]) => Promise<void>;
  /** Removes the states: the run is over, and its results are written. */
  done(): Promise<void>;
}

/** Removes the states of a run that is over; what cannot be removed is told of. */
export async function endOf(context: Context, keeper: Keeper): Promise<void> {
  await keeper.done().catch((thrown: unknown) => context.warn(`the state of the run is left: ${messageOf(thrown)}`));
}

/** What makes a run this run. */
export interface RunIdentity {
  readonly command: Command;
  /** What is done, where the flags do not say it all. */
  readonly recipe?: Recipe;
  /** Beside which the states are kept, unless the flags say where; null = nowhere. */
  readonly output: string | null;
  readonly opened: OpenedModel;
  readonly data: OpenedData | null;
  readonly engine: Engine;
  readonly teacher?: OpenedModel;
}

/** A share of the time at most goes into writing states. */
const MOST_SHARE = 20;

/**
 * Opens the folder for a run's states, and reads the last one if the run goes on.
 *
 * @throws OutputError          if the folder cannot be written, or an unfinished run lies there
 * @throws ResumeMismatchError  if model, data, settings or version are not as they were
 */
export async function openKeeper(context: Context, flags: CheckpointFlags, run: RunIdentity): Promise<Keeper> {
  const folder = context.resumed ?? folderOf(flags, run.output);
  if (folder === null) return NO_KEEPER;
  checkWritableFolder(folder);
  const key = { ...(await keyOf(run)), 'the place of the state': realFolder(folder) };
  const journal = context.resumed === null ? null : await readJournal(folder);
  if (journal !== null) checkSameRun(journal.key, key);
  else if (hasCheckpoint(folder) && flags.restart !== true)
    throw new OutputError(
      `Cannot begin: an unfinished run lies in "${folder}"; go on with it by "coppice resume ${folder}", or begin anew with --restart`,
    );
  const from = journal === null ? null : await readState(folder, journal);
  const place = openCheckpoint(
    absolute(folder),
    { command: [...context.command], folder: absolute('.'), key },
    journal,
  );
  if (journal === null) context.tell(`if interrupted, go on with: coppice resume ${folder}`);
  return keeperOf(place, from, flags.checkpointEvery);
}

function folderOf({ checkpoint }: CheckpointFlags, output: string | null): string | null {
  if (checkpoint === false) return null;
  if (typeof checkpoint === 'string') return checkpoint;
  return output === null ? null : `${withoutEnding(output)}.checkpoint`;
}

async function keyOf({ command, recipe, opened, data, engine, teacher }: RunIdentity): Promise<Journal['key']> {
  const facts = data === null ? null : await dataFacts(data);
  return {
    'the model': identityOf(opened),
    'the data': facts?.sha256 ?? data?.address ?? '',
    'the teacher': teacher === undefined ? '' : identityOf(teacher),
    'the settings': JSON.stringify([configOf(command), recipe]),
    'the version of Coppice': toolFacts().version,
    'what runs the models': engine.name,
    'the version of onnxruntime': engine.version,
  };
}

/** The digest of a model's file, and of what it has in others. */
function identityOf({ file, path, model }: OpenedModel): string {
  return [file.sha256 ?? path, externalHash(model) ?? []].flat().join(' ');
}

/** Keeps nothing. */
export const NO_KEEPER: Keeper = {
  run: {
    trials: [],
    gradual: null,
    training: null,
    recall: WITHOUT_RECALL,
    onTrials: async () => undefined,
    onGradual: async () => undefined,
    onTraining: async () => undefined,
  },
  cells: [],
  onCells: async () => undefined,
  done: async () => undefined,
};

function keeperOf(place: Checkpoint, from: SavedState | null, every: number): Keeper {
  let last = performance.now();
  let took = 0;
  const pending = new Map<string, NamedArrays>();
  const save: Saving['save'] = async (progress, parts) => {
    const started = performance.now();
    await place.save(progress, { ...parts, pieces: pending });
    pending.clear();
    last = performance.now();
    took = last - started;
  };
  const saveIfDue = async (state: () => readonly [Progress, StateParts]): Promise<void> => {
    const pause = every === 0 ? 0 : Math.max(1000 * every, MOST_SHARE * took);
    if (performance.now() - last >= pause) await save(...state());
  };
  return {
    run: runKeeper(from, { save, saveIfDue, add: (name, kept) => void pending.set(name, kept) }),
    cells: (from?.journal.cells ?? []) as unknown as readonly SweepCell[],
    onCells: (cells) => save({ ...NOTHING_DONE, cells: jsonOf(cells) }, {}),
    done: () => place.remove(),
  };
}

/** Writes states: at once, or if the last is old enough: by --checkpoint-every (0 = always), and by 20 times what writing took. */
interface Saving {
  save(progress: Progress, parts: StateParts): Promise<void>;
  saveIfDue(state: () => readonly [Progress, StateParts]): Promise<void>;
  /** One more long step that is done, which the next state has too. */
  add(name: string, kept: NamedArrays): void;
}

function runKeeper(from: SavedState | null, { save, saveIfDue, add }: Saving): RunKeeper {
  let trials: readonly DropTrial[] = from?.journal.trials ?? [];
  /** Before the first pruning, and in one that is not gradual. */
  const begun = (): Progress => ({ ...NOTHING_DONE, ...(trials.length > 0 && { trials: [...trials] }) });
  let stand: Progress = { ...begun(), training: from?.journal.training ?? null };
  const isGradual = from !== null && from.journal.pruning !== null;
  return {
    trials,
    gradual: isGradual ? gradualStateOf(from) : null,
    training: from === null || isGradual || from.journal.training === null ? null : trainingStateOf(from),
    recall: async (name, work) => {
      const known = from?.pieces.get(name);
      if (known !== undefined) return known;
      const kept = await work();
      add(name, copyOf(kept));
      await saveIfDue(() => [stand, stand.training === null ? {} : { arrays: 'as before' }]);
      return kept;
    },
    onTrials: async (done) => {
      trials = [...done];
      stand = begun();
      await save(stand, {});
    },
    onTraining: (state) =>
      saveIfDue(() => {
        const { arrays, ...training } = state();
        stand = { ...begun(), training: jsonOf(training) };
        return [stand, { arrays }];
      }),
    // a pruning is kept at once, with its model; a training step when the last state is old enough
    onGradual: async (state, found) => {
      const parts = (): readonly [Progress, StateParts] => {
        const { model, training, ...rest } = state();
        const progress = { ...rest, ...(found && { trials: [...found] }) };
        if (training === null) return [jsonOf({ ...progress, training }), { model }];
        const { arrays, ...sums } = training;
        return [jsonOf({ ...progress, training: sums }), { arrays }];
      };
      if (state().training === null) await save(...parts());
      else await saveIfDue(parts);
    },
  };
}

/** The same for a run of several steps that keep something: a training is of one of them, and names do not meet. */
export function ofSteps(keeper: RunKeeper): RunKeeper {
  const at = (step: number): RunKeeper => {
    const own: Keeping = {
      recall: within(keeper.recall, `step ${step}`),
      training: keeper.training?.of === step ? keeper.training : null,
      onTraining: (state) => keeper.onTraining(() => ({ ...state(), of: step })),
    };
    return { ...keeper, ...own, pruning: own };
  };
  return { ...keeper, at };
}

/** What the run does not change any more. */
function copyOf(kept: NamedArrays): NamedArrays {
  return new Map([...kept].map(([name, array]) => [name, array.slice()]));
}

/** The progress of a run before its first pruning. */
const NOTHING_DONE = { pruning: null, stages: [], epochs: [], training: null };
