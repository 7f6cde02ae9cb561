import type { FeedSource } from '../data/feeds.ts';
import type { RunOptions } from '../progress/progress.ts';
import { filesOfCompiled, type MeasureSize, programSide, sizesOfFiles } from './compiled-facts.ts';
import { timeSides } from './timing.ts';
import type { CompileFacts } from './transforms/compile.ts';

/** What is measured of the compiled model of one run of a sweep. */
export interface CompiledCell {
  /** Of the program, which differ from the model's where weights are stored in fewer bits. */
  readonly accuracy: number | null;
  readonly loss: number | null;
  /** By brotli, everything that a page loads; null where it cannot be compiled or is too large to be compressed. */
  readonly bytes: number | null;
  /** Milliseconds of one run, the median; null where it cannot be compiled. */
  readonly latency: number | null;
  /** Why it cannot be compiled; null where it is. */
  readonly refused: string | null;
}

/**
 * Measures what a run of a sweep compiled: its size, and its time on rows or, without any, on made-up inputs.
 *
 * Cost: the files are compressed, the program runs about 50 times.
 */
export async function compiledCell(
  facts: CompileFacts,
  { rows, measureSize, ...run }: { readonly rows: FeedSource | null; readonly measureSize: MeasureSize } & RunOptions,
): Promise<CompiledCell> {
  const { refused, judged } = facts;
  const side = await programSide(facts, rows ?? undefined);
  const sizes = await sizesOfFiles(filesOfCompiled(facts, 'model'), measureSize);
  const [timed] = side === null ? [] : await timeSides([side], run);
  const isKnown = side !== null && sizes.every(({ brotli }) => brotli !== null);
  return {
    accuracy: judged?.accuracy ?? null,
    loss: judged?.loss ?? null,
    bytes: isKnown ? sizes.reduce((sum, { brotli }) => sum + (brotli as number), 0) : null,
    latency: timed?.latencies[0]?.median ?? null,
    refused,
  };
}
