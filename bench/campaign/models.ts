import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sparsity } from '../../src/budget/budget.ts';
import { run } from '../../src/cli/run.ts';
import { onnxruntimeNode as engine } from '../../src/engine/onnxruntime.node.ts';
import { CoppiceError } from '../../src/errors/errors.ts';
import { validateGraph } from '../../src/graph/validate-graph.ts';
import { findWeights } from '../../src/graph/weights.ts';
import type { Model } from '../../src/ir/model.ts';
import { prune } from '../../src/methods/prune.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { externalReader } from '../../src/onnx/external.node.ts';
import { inspect } from '../../src/pipeline/inspect.ts';
import { shapesOf } from '../../src/pruning/shapes.ts';
import { random } from '../../src/tensor/random.ts';
import { basesOf } from './bases.ts';
import { type Campaign, RIGHT, type Surroundings, type Verdict, verdictOf, wrong } from './campaign.ts';
import { type Base, mutantOf } from './mutants.ts';

/** One case in so many goes to onnxruntime, one in so many through the command line. */
const TO_RUNTIME = 20;
const TO_COMMANDS = 100;
const SHARE = 0.5;
/** Bytes that a file beside a model may have. */
const MOST_BESIDE = 2 ** 30;

/** The mutant of a case, for looking at. */
export function mutantAt(
  seed: number,
  index: number,
): { readonly base: string; readonly how: string; readonly bytes: Uint8Array; readonly beside?: Base['beside'] } {
  const rng = random(`models/${seed}/${index}`);
  const bases = basesOf();
  const base = bases[rng.integer(bases.length)] as (typeof bases)[number];
  return { base: base.name, ...mutantOf(base, rng), ...(base.beside && { beside: base.beside }) };
}

/** Mutants of model files, through everything that a file meets. */
export const models: Campaign = {
  name: 'models',
  summary: 'mutants of small models through read, inspect, magnitude, write, read again, onnxruntime and the commands',
  limit: 5,
  async case(seed, index, around) {
    const { bytes, beside } = mutantAt(seed, index);
    if (beside !== undefined) await writeFile(join(around.scratch, beside.name), beside.bytes);
    const read = (): Model =>
      decodeModel(bytes, beside === undefined ? {} : { external: externalReader(around.scratch, MOST_BESIDE) });
    try {
      const verdict = await throughLibrary(read);
      if (verdict.kind !== 'right') return verdict;
    } catch (thrown) {
      return index % TO_COMMANDS === 0 ? throughCommands(bytes, around, verdictOf(thrown)) : verdictOf(thrown);
    }
    if (index % TO_RUNTIME === 0) {
      const verdict = await throughRuntime(bytes, read, around);
      if (verdict.kind !== 'right') return verdict;
    }
    return index % TO_COMMANDS === 0 ? throughCommands(bytes, around, RIGHT) : RIGHT;
  },
};

const half = (model: Model): Promise<Awaited<ReturnType<typeof prune>>> =>
  prune(model, { engine, budget: sparsity(SHARE), method: 'magnitude' });

/** Read, inspected, pruned by magnitude, written, read again: the zeros are where they are claimed to be. */
async function throughLibrary(read: () => Model): Promise<Verdict> {
  const model = validateGraph(read());
  JSON.stringify(inspect(model), (_, value) => (typeof value === 'bigint' ? String(value) : value));
  validateGraph(decodeModel(encodeModel(model)));
  const { model: pruned, w } = await half(model);
  const again = validateGraph(decodeModel(encodeModel(pruned)));
  const { totals } = inspect(again);
  const nonzeros = w.reduce((sum, x) => sum + (x === 0 ? 0 : 1), 0);
  if (nonzeros > Math.ceil(w.length * (1 - SHARE))) return wrong(`${nonzeros} of ${w.length} weights are left`);
  if (totals.nonzeros > nonzeros) return wrong('more nonzeros in the file than claimed');
  const size = (of: Model): number => findWeights(of).prunable.reduce((sum, layer) => sum + layer.size, 0);
  return size(again) === size(model) ? RIGHT : wrong('other weights in the file that was written');
}

/** What onnxruntime takes before, it takes after. */
async function throughRuntime(bytes: Uint8Array, read: () => Model, { entering }: Surroundings): Promise<Verdict> {
  const model = validateGraph(read());
  const takes = async (of: Uint8Array): Promise<boolean> => {
    entering('runtime');
    try {
      await (await engine.createSession(of, { threads: 1 })).release();
      return true;
    } catch (thrown) {
      if (thrown instanceof CoppiceError) return false;
      throw thrown;
    } finally {
      entering('coppice');
    }
  };
  if (!(await takes(bytes))) return RIGHT;
  if (!(await takes(encodeModel(model)))) return wrong('runs as it was, not as it is written');
  if (!(await takes(encodeModel((await half(model)).model)))) return wrong('runs as it was, not when pruned');
  entering('runtime');
  try {
    await shapesOf(engine, model);
  } catch (thrown) {
    return verdictOf(thrown);
  } finally {
    entering('coppice');
  }
  return RIGHT;
}

/** The commands end with the exit code of what the library says, and never with that of a bug. */
async function throughCommands(
  bytes: Uint8Array,
  { scratch, entering }: Surroundings,
  expected: Verdict,
): Promise<Verdict> {
  const [path, output] = [join(scratch, 'mutant.onnx'), join(scratch, 'pruned.onnx')];
  await writeFile(path, bytes);
  entering('runtime'); // the commands run models too
  for (const argv of [
    ['inspect', path, '--json'],
    ['prune', path, '--method', 'magnitude', '--sparsity', '0.5', '-o', output, '--no-latency', '--dry-run'],
    ['prune', path, '--method', 'magnitude', '--sparsity', '0.5', '-o', output, '--no-latency'],
  ]) {
    const said: string[] = [];
    const io = {
      out: () => undefined,
      err: (text: string) => said.push(text),
      terminal: false,
      columns: 80,
      env: {},
      signal: new AbortController().signal,
    };
    const code = await run(argv, io, '0');
    if (code === 70) return { kind: 'bug', what: `${argv[0]}: ${said.join(' ').replace(/\s+/g, ' ').slice(0, 200)}` };
    if (argv[0] === 'prune' && expected.kind === 'refused' && code === 0)
      return wrong(`${argv[0]} takes what the library refuses`);
  }
  entering('coppice');
  return expected;
}
