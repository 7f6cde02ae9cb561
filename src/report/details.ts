import { z } from 'zod';

const count = z.number().int().nonnegative();

const histogram = z.object({
  from: z.number().describe('left end of the first bin'),
  to: z.number().describe('right end of the last bin; all bins are equally wide'),
  before: z.array(count).describe('weights in each bin'),
  after: z.array(count).describe('nonzero weights in each bin afterwards'),
});

const mask = z.object({
  rows: count,
  columns: count,
  block: z.tuple([count, count]).describe('weights that a pixel stands for: rows of the weight matrix, columns'),
  png: z.string().describe('data address: pale = all removed, dark = all kept'),
});

const weights = z.object({ layer: z.string(), histogram, mask });

const graphNode = z.object({
  op: z.string(),
  name: z.string(),
  layer: z.string().nullable().describe('the prunable weight that the node reads'),
  change: z.enum(['same', 'sparser', 'removed']),
  shape: z.array(count).nullable().describe('of its first output, for one sample where the batch is free'),
});

const graph = z.object({
  nodes: z
    .array(graphNode)
    .describe('inputs and outputs of the model are nodes with the operators "input" and "output"'),
  edges: z.array(z.tuple([count, count])).describe('from node to node, by number'),
});

const flipped = z.object({
  row: count.describe('of the evaluation data'),
  label: count.nullable(),
  before: count.describe('class before'),
  after: count.describe('class afterwards'),
  png: z.string().nullable().describe('data address; null where the row is no picture'),
});

const flips = z.object({
  rows: count.describe('rows that were compared'),
  lost: count.describe('right before, wrong afterwards'),
  won: count.describe('wrong before, right afterwards'),
  other: count.describe('another class, and neither was right or there are no labels'),
  examples: z.array(flipped),
});

/** What a page shows besides the figures; limited in size. */
export const detailsSchema = z.object({
  weights: z.array(weights),
  graph: graph.nullable().describe('null where the model has too many nodes to be drawn'),
  flips: flips.nullable().describe('null where nothing was evaluated'),
});

/** See {@link detailsSchema}. */
export type Details = z.infer<typeof detailsSchema>;
/** A layer's weights as a histogram and as a picture of what was kept. */
export type WeightDetails = z.infer<typeof weights>;
/** The model's graph and what changed in it. */
export type GraphDetails = z.infer<typeof graph>;
/** Rows whose class changed. */
export type FlipDetails = z.infer<typeof flips>;
