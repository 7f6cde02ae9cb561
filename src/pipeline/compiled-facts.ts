import { type CompiledFiles, compiledFiles } from '../compile/output.ts';
import type { FeedSource } from '../data/feeds.ts';
import { openProgram, programFeeds } from '../evaluate/program.ts';
import type { CompiledReport, Report } from '../report/report.ts';
import type { Finished } from './run.ts';
import type { LatencyAt, TimedSide } from './timing.ts';
import type { CompileFacts } from './transforms/compile.ts';

/** Compressed and other sizes of some bytes. */
export type MeasureSize = (bytes: Uint8Array) => Promise<NonNullable<Report['bytes']['before']>>;

/** The step of a run that compiled; null for a run without. */
export function compilingOf({ steps }: Pick<Finished, 'steps'>): CompileFacts | null {
  return steps.find((step) => step.do === 'compile') ?? null;
}

/** The files of what a run compiled; none where it could not be compiled. @param stem  file name without ending */
export function filesOfCompiled({ checked, step }: CompileFacts, stem: string): CompiledFiles {
  return checked === null ? {} : compiledFiles(checked.compiled, stem, step.inline ?? false);
}

/** What a page loads of a compiled model's files, with their sizes. */
export async function sizesOfFiles(files: CompiledFiles, measure: MeasureSize): Promise<CompiledReport['files']> {
  const sizes: CompiledReport['files'] = [];
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('.d.ts')) continue;
    sizes.push({
      name,
      ...(await measure(typeof content === 'string' ? new TextEncoder().encode(content) : content)),
    });
  }
  return sizes;
}

/** A compiled model as a side to be timed, on rows or, without any, on made-up inputs. */
export async function programSide({ checked }: CompileFacts, rows: FeedSource | undefined): Promise<TimedSide | null> {
  if (checked === null) return null;
  const program = await openProgram(checked.compiled.wasm);
  const { engine, model } = program;
  return { engine, model, ...(rows && { source: programFeeds(program, rows) }) };
}

/** What a report says of what a run compiled. @param timed  latencies of the model before, after, and of the program, in this order */
export function compiledFacts(
  { checked, step, refused, compared, judged, agreement }: CompileFacts,
  files: CompiledReport['files'],
  timed: readonly LatencyAt[] | null,
): CompiledReport {
  const batch = checked?.batch ?? null;
  const at = timed?.find((one) => one.batch === batch);
  const [before = null, after = null, program = null] = at?.latencies ?? [];
  return {
    refused,
    files,
    batch,
    weights: step.weights ?? 'f32',
    kept: checked?.compiled.kept ?? null,
    memory: checked === null ? null : checked.compiled.memory.values + checked.compiled.memory.tables,
    difference: compared?.difference ?? checked?.difference ?? null,
    rows: compared?.rows ?? 0,
    accuracy: judged?.accuracy ?? null,
    loss: judged?.loss ?? null,
    agreement,
    latency: at === undefined || program === null ? null : { batch: at.batch, before, after, compiled: program },
  };
}
