import type { FeedSource } from '../../data/feeds.ts';
import type { Evaluation } from '../../evaluate/accuracy.ts';
import type { FlipDetails } from '../../report/details.ts';
import { bytePng } from '../../report/png.ts';
import { widenTensor } from '../../tensor/half.ts';
import { pictureOf } from './thumbnail.ts';

/** Examples of each kind at most. */
const EXAMPLES = { lost: 12, won: 6, other: 6 } as const;
type Kind = keyof typeof EXAMPLES;

/** What {@link flipDetails} compares. */
export interface Flipped {
  readonly before: Evaluation | null;
  readonly after: Evaluation | null;
  readonly source: FeedSource | null;
  /** Undo the normalisation, value * std + mean, for pictures; one number, or one a channel. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/**
 * The rows whose class changed, counted, with a few as pictures; null where nothing was evaluated, or a row
 * has no class or several.
 *
 * Cost: one read of at most 24 rows.
 */
export async function flipDetails({
  before,
  after,
  source,
  mean = [0],
  std = [1],
}: Flipped): Promise<FlipDetails | null> {
  if (before === null || after === null || source === null) return null;
  if (before.predictions.length === 0 || before.predictions.length !== before.count) return null;
  const changed = [...before.predictions.keys()].filter((i) => before.predictions[i] !== after.predictions[i]);
  const labels = await labelsOf(source, changed);
  const kinds = changed.map((row, i): Kind => {
    const label = labels?.[i];
    if (label !== undefined && label === before.predictions[row]) return 'lost';
    return label !== undefined && label === after.predictions[row] ? 'won' : 'other';
  });
  const count = (kind: Kind): number => kinds.filter((other) => other === kind).length;
  const chosen = (Object.keys(EXAMPLES) as Kind[]).flatMap((kind) =>
    [...changed.keys()].filter((i) => kinds[i] === kind).slice(0, EXAMPLES[kind]),
  );
  const examples: FlipDetails['examples'] = [];
  for (const i of chosen) {
    const row = changed[i] as number;
    const picture = await thumbnail(source, row, { mean, std });
    const [was, is] = [before.predictions[row] as number, after.predictions[row] as number];
    examples.push({ row, label: labels?.[i] ?? null, before: was, after: is, png: picture });
  }
  return { rows: before.count, lost: count('lost'), won: count('won'), other: count('other'), examples };
}

/** Rows that are read at a time. */
const AT_ONCE = 256;

async function labelsOf(source: FeedSource, rows: readonly number[]): Promise<Int32Array | null> {
  if (!source.labelled) return null;
  const labels = new Int32Array(rows.length);
  for (let start = 0; start < rows.length; start += AT_ONCE) {
    const part = rows.slice(start, start + AT_ONCE);
    const fed = await source.feeds(Int32Array.from(part));
    if (fed.labels === undefined) return null;
    labels.set(fed.labels.subarray(0, part.length), start);
  }
  return labels;
}

async function thumbnail(
  source: FeedSource,
  row: number,
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): Promise<string | null> {
  const { inputs } = await source.feeds(Int32Array.of(row));
  const [input] = inputs.values();
  if (inputs.size !== 1 || input === undefined) return null;
  const { dims, data } = widenTensor(input);
  if (!(data instanceof Float32Array)) return null;
  const size = dims.slice(1).reduce((product, d) => product * d, 1);
  const picture = pictureOf(data.subarray(0, size), dims.slice(1), { mean, std });
  return picture === null ? null : bytePng(picture);
}
