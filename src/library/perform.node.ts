import { existsSync } from 'node:fs';
import type { Budget } from '../budget/budget.ts';
import { threads } from '../executor/threads.node.ts';
import type { Recipe } from '../pipeline/recipe.ts';
import type { AnySolver } from '../solvers/solver.ts';
import { asModel, type ModelSource } from './model.node.ts';
import type { PlaceOptions } from './requests.node.ts';
import { isDataset, Packer, type Place, type RemoteCall, Unpacker } from './sending.ts';
import type { VerbName, Verbs } from './verbs.node.ts';

/** Compiled, as threads load it; where the sources run as they are, the caller does the work. */
const VERBS = new URL('./verbs.node.js', import.meta.url);
/** What takes compiled models beside ONNX models. */
const MEASURING: ReadonlySet<VerbName> = new Set(['evaluate', 'compare']);
const TASKS = new URL('./verb-tasks.node.mjs', import.meta.url);
let isCompiled: boolean | undefined;

/**
 * Does something with models, in a thread of its own where that can be; same results, to the bit.
 *
 * @throws whatever the work throws, as it was thrown
 */
export async function perform<Name extends VerbName>(
  verb: Name,
  models: readonly ModelSource[],
  request: PlaceOptions & { readonly signal?: AbortSignal; readonly recipe?: Recipe },
): Promise<Awaited<ReturnType<Verbs[Name]>>> {
  const { thread, ...asked } = request;
  isCompiled ??= existsSync(VERBS);
  if (!isCompiled || thread === false || !canBeSent(asked)) {
    const { VERBS: verbs } = await import('./verbs.node.ts');
    return (await (verbs[verb] as (models: readonly unknown[], request: never) => unknown)(
      await Promise.all(models.map(await openerOf(verb))),
      asked as never,
    )) as never;
  }
  return (await elsewhere(verb, models, asked)) as never;
}

async function openerOf(verb: VerbName): Promise<(source: ModelSource) => Promise<unknown>> {
  return MEASURING.has(verb) ? (await import('./program.node.ts')).asMeasurable : asModel;
}

async function elsewhere(
  verb: VerbName,
  models: readonly ModelSource[],
  { signal, ...request }: { readonly signal?: AbortSignal },
): Promise<unknown> {
  // one after another: what is loaded at once keeps the caller's thread at once
  const { encodeModel: encode } = await import('../onnx/encode.ts');
  const { decodeModel: decode } = await import('../onnx/decode.ts');
  const { withLazyWeights } = await import('./lazy-weights.ts');
  const packer = new Packer({ encode, decode });
  const unpacker = new Unpacker({ encode, decode });
  const input = {
    models: models.map((model) => sentModel(model, packer, MEASURING.has(verb))),
    request: packer.pack(request),
  };
  const own = threads({ file: TASKS, setup: { verbs: VERBS.href }, threads: 1, purpose: `${verb} the model` });
  try {
    const answer = async (question: unknown): Promise<unknown> => {
      const { call, given } = question as RemoteCall;
      return packer.functions[call]?.(...(new Unpacker({ encode, decode }).unpack(given) as never[]));
    };
    const result = await own.run(verb, input, { moved: packer.buffers, signal, answer });
    return withLazyWeights(unpacker.unpack(result));
  } finally {
    await own.close();
  }
}

/** A model as it goes to another thread: one that lies somewhere is read there. */
function sentModel(model: ModelSource, packer: Packer, mayBeCompiled: boolean): unknown {
  if (model instanceof URL) return { coppice: 'place', place: model.href, isUrl: true, mayBeCompiled } satisfies Place;
  if (typeof model === 'string' || model instanceof Uint8Array)
    return { coppice: 'place', place: model, isUrl: false, mayBeCompiled } satisfies Place;
  return packer.pack(model);
}

/** Whether everything that was given can be sent to another thread. */
function canBeSent(request: object): boolean {
  const {
    engine,
    provider,
    solver,
    augment,
    data,
    store,
    openPool,
    supports,
    budget,
    budgets = [],
  } = request as {
    readonly [name: string]: unknown;
  };
  const constraints = [budget, ...(budgets as unknown[])].map((one) => (one as Budget | undefined)?.constraint);
  const staysHere = [engine, store, openPool, supports, ...constraints].some((given) => given !== undefined);
  const isOwnSolver = solver !== undefined && (solver as AnySolver).made === undefined;
  const isOtherDevice = provider !== undefined && provider !== 'cpu';
  return !staysHere && !isOwnSolver && !isOtherDevice && !(augment === true && isDataset(data));
}
