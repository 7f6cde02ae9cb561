import type { Caller, Tasks } from '../executor/executor.ts';
import { moving } from '../executor/moving.ts';
import { decodeModel } from '../onnx/decode.ts';
import { encodeModel } from '../onnx/encode.ts';
import { chitaCd } from '../solvers/chita/active-set.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { blockPoolOpener } from '../solvers/chita/block-pool.node.ts';
import { chitaBlock } from '../solvers/chita/block-wise.ts';
import { magnitude } from '../solvers/magnitude/magnitude.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { woodfisher } from '../solvers/woodfisher/woodfisher.ts';
import { readModel } from './model.node.ts';
import { asMeasurable } from './program.node.ts';
import { Packer, type Parcels, type Place, Unpacker } from './sending.ts';
import { compareHere, evaluateHere, inspectHere, planHere, sensitivityHere } from './verbs/measuring.node.ts';
import { pruneHere, runHere, sweepHere } from './verbs/pruning.node.ts';
import { finetuneHere, recalibrateHere } from './verbs/training.node.ts';

/** What can be done with models. Each takes them in memory, and a request that has been checked. */
export const VERBS = {
  prune: pruneHere,
  run: runHere,
  sweep: sweepHere,
  sensitivity: sensitivityHere,
  evaluate: evaluateHere,
  compare: compareHere,
  plan: planHere,
  inspect: inspectHere,
  finetune: finetuneHere,
  recalibrate: recalibrateHere,
} as const;

/** {@link VERBS}. */
export type Verbs = typeof VERBS;
/** Their names. */
export type VerbName = keyof Verbs;

const SOLVERS: Readonly<Record<string, (options: never) => AnySolver>> = {
  chita,
  chitaCd,
  chitaBlock: (options: object) => chitaBlock({ ...options, openPool: blockPoolOpener() }),
  woodfisher,
  magnitude,
};

/** The verbs as tasks of a thread: models come and go as bytes, functions are called where they stayed. */
export function verbTasks(): Tasks {
  return Object.fromEntries(Object.keys(VERBS).map((name) => [name, taskOf(name as VerbName)]));
}

function taskOf(name: VerbName) {
  return async ({ models, request }: { models: unknown; request: unknown }, { signal, ask }: Caller) => {
    const parcels: Parcels = {
      encode: encodeModel,
      decode: (bytes) => decodeModel(bytes),
      solver: ({ by, options }) => (SOLVERS[by] as (options: object) => AnySolver)(options),
      remote: ({ call, given }) => ask({ call, given: new Packer(parcels).pack(given) }),
    };
    const unpacker = new Unpacker(parcels);
    const verb = VERBS[name] as (models: never, request: never) => Promise<object>;
    const result = await verb(
      (await Promise.all((models as unknown[]).map((one) => opened(one, unpacker)))) as never,
      { ...(unpacker.unpack(request) as object), signal } as never,
    );
    const packer = new Packer(parcels);
    const packed = packer.pack(withoutWeights(result));
    return moving(packed, packer.buffers);
  };
}

/** A model that was sent, or the place where it is read. */
async function opened(sent: unknown, unpacker: Unpacker): Promise<unknown> {
  if ((sent as Place).coppice !== 'place') return unpacker.unpack(sent);
  const { place, isUrl, mayBeCompiled } = sent as Place;
  const source = isUrl ? new URL(place as string) : place;
  return mayBeCompiled ? asMeasurable(source) : readModel(source);
}

/** Weights are in the model already; they are read from it where somebody asks. */
function withoutWeights(outcome: object): object {
  if (!('result' in outcome)) return outcome;
  const result = outcome.result as Record<string, unknown>;
  const names = Object.keys(result).filter((name) => name !== 'w');
  return { ...outcome, result: Object.fromEntries(names.map((name) => [name, result[name]])) };
}
