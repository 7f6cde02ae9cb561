import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { activePaths, backward, targetsBehind } from '../../src/autodiff/backward.ts';
import { randomFeeds } from '../../src/data/feeds.ts';
import { liftAndCapture } from '../../src/engine/capture.ts';
import { onnxruntimeNode as engine } from '../../src/engine/onnxruntime.node.ts';
import { GraphBuilder } from '../../src/graph/builder.ts';
import type { Captured } from '../../src/graph/captured.ts';
import { widenFloats } from '../../src/graph/passes/widen-floats.ts';
import { findWeights, type WeightLayer } from '../../src/graph/weights.ts';
import type { Model } from '../../src/ir/model.ts';
import { readModel } from '../../src/onnx/files.node.ts';
import { random } from '../../src/tensor/random.ts';
import { sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import { type Campaign, RIGHT, type Verdict, verdictOf, wrong } from './campaign.ts';
import { moved, type Perturbed, perturbed } from './perturbed.ts';

/** Steps of the differences, in units of the weights: deep networks have kinks at every larger one. */
const STEPS = [1e-3, 3e-4, 1e-4, 3e-3, 3e-5];
const TOLERANCE = 0.05;
/** Layers of a model that one case looks at. */
const LAYERS = 4;
/** Elements of open dimensions, tried one after another. */
const OPEN = [16, 32, 64, 512];

function modelFiles(): string[] {
  const root = join(resolve(process.env.COPPICE_SHARED ?? '../shared'), 'models');
  return [root, join(root, 'zoo')].filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.onnx'))
      .sort()
      .map((file) => join(folder, file)),
  );
}

/** The gradients of models that nobody here made, layer by layer, against differences. */
export const zoo: Campaign = {
  name: 'zoo',
  summary: 'gradients of the layers of models in $COPPICE_SHARED/models against differences, a few layers a case',
  limit: 300,
  async case(seed, index) {
    const files = modelFiles();
    const file = files[index % Math.max(1, files.length)];
    if (file === undefined) return { kind: 'refused', what: 'no shared models' };
    const name = basename(file, '.onnx');
    const verdict = await gradientsOf(file, `zoo/${seed}/${index}`).catch(verdictOf);
    return verdict.kind === 'right' ? verdict : { ...verdict, what: `${name}: ${verdict.what}` };
  },
};

async function gradientsOf(file: string, key: string): Promise<Verdict> {
  const model = widenFloats(await readModel(file));
  const { feeds, lifted, captured } = await running(model, key);
  const layers = findWeights(model).prunable;
  const outputs = model.graph.outputs.map(({ name }) => name).filter((name) => captured.get(name)?.type === 'float32');
  if (layers.length === 0 || outputs.length === 0)
    return { kind: 'refused', what: 'no weights, or no output of floats' };
  const found = await gradientsAt(lifted, { captured, feeds, layers, outputs, key });
  const names = [...found.gradients.keys()];
  if (names.length === 0) return { kind: 'refused', what: 'no layer has a gradient' };
  const rng = random(`${key}/layers`);
  const chosen = new Set(Array.from({ length: LAYERS }, () => names[rng.integer(names.length)] as string));
  const some = layers.filter(({ name }) => chosen.has(name));
  const other = await perturbed({ engine, model }, some, outputs);
  try {
    for (const { name, op } of some) {
      const problem = await compared(other, { ...found, feeds, key, name });
      if (problem !== null) return wrong(`row of ${op} "${name}": ${problem}`);
    }
    return RIGHT;
  } finally {
    await other.release();
  }
}

/** Made-up inputs that the model runs on. */
async function running(
  model: Model,
  key: string,
): Promise<{ feeds: Map<string, Tensor>; lifted: Model; captured: Captured }> {
  let failed: unknown;
  for (const open of OPEN) {
    try {
      const source = randomFeeds(model, { rng: random(key), count: 2, open });
      const { inputs: feeds } = await source.feeds([0, 1].slice(0, source.fixedBatch ?? 2));
      const { model: lifted, captured } = await liftAndCapture(engine, model, feeds);
      return { feeds, lifted, captured };
    } catch (error) {
      failed = error;
    }
  }
  throw failed;
}

interface Asked {
  readonly captured: Captured;
  readonly feeds: ReadonlyMap<string, Tensor>;
  readonly layers: readonly WeightLayer[];
  readonly outputs: readonly string[];
  readonly key: string;
}

interface Found {
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly cotangents: ReadonlyMap<string, Float32Array>;
}

/** The gradients of <v, outputs>, v random, in all layers that no operator without a gradient stands behind. */
async function gradientsAt(model: Model, { captured, feeds, layers, outputs, key }: Asked): Promise<Found> {
  const builder = new GraphBuilder(model.graph);
  const fed = new Map(feeds);
  const cotangents = new Map<string, Float32Array>();
  const ends = new Map<string, string>();
  for (const output of outputs) {
    const { dims } = captured.get(output) as { dims: readonly number[] };
    const rng = random(`${key}/${output}`);
    const data = Float32Array.from({ length: sizeOf(dims) }, () => rng.normal());
    const name = builder.input({ name: `cotangent ${output}`, type: 'float32', shape: dims });
    cotangents.set(output, data);
    fed.set(name, { type: 'float32', dims, data });
    ends.set(output, name);
  }
  const all = layers.map(({ name }) => name).filter((name) => model.graph.constants.get(name)?.type === 'float32');
  const paths = activePaths(model.graph, captured, all, ends.keys());
  const behind = new Set(targetsBehind(model.graph, paths, all));
  const targets = all.filter((name) => !behind.has(name));
  const opset = model.opsets.get('') ?? 17;
  const found = backward({ builder, graph: model.graph, captured, opset, cotangents: ends, targets });
  for (const [name, value] of found) builder.output(value, `gradient ${name}`);
  if (found.size === 0) return { gradients: new Map(), cotangents };
  const session = await engine.createSession({ ...model, graph: { ...builder.build().graph, name: 'g' } });
  try {
    const values = await session.run(
      fed,
      [...found.keys()].map((name) => `gradient ${name}`),
    );
    const gradients = new Map(
      [...found.keys()].map((name) => [name, (values.get(`gradient ${name}`) as Tensor<Float32Array>).data]),
    );
    return { gradients, cotangents };
  } finally {
    await session.release();
  }
}

/** Null where the gradient agrees with differences along some direction and step; else how far it is off at best. */
async function compared(
  other: Perturbed,
  { gradients, cotangents, feeds, key, name }: Found & { feeds: Asked['feeds']; key: string; name: string },
): Promise<string | null> {
  const w = other.weights.get(name) as Float32Array;
  const gradient = gradients.get(name) as Float32Array;
  const scale = Math.sqrt(w.reduce((sum, x) => sum + x * x, 0) / w.length) || 1;
  const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
  let best = Number.POSITIVE_INFINITY;
  for (const [k, step] of STEPS.entries()) {
    const rng = random(`${key}/${name}/${k}`);
    // along the gradient and a random direction, so that the derivative stands out of the rounding
    const u = gradient.map((g) => (length > 0 ? (g / length) * Math.sqrt(w.length) : 0) + rng.normal());
    const at = async (h: number): Promise<number> => {
      const values = await other.run(feeds, new Map([[name, moved(w, u, h)]]));
      let total = 0;
      for (const [output, v] of cotangents) {
        const y = (values.get(output) as Tensor<Float32Array>).data;
        for (let i = 0; i < v.length; i++) total += (v[i] as number) * (y[i] as number);
      }
      return total;
    };
    const h = (step * scale) / Math.SQRT2;
    const [d1, d2] = [((await at(h)) - (await at(-h))) / (2 * h), ((await at(2 * h)) - (await at(-2 * h))) / (4 * h)];
    const difference = (4 * d1 - d2) / 3;
    const told = gradient.reduce((sum, g, i) => sum + g * (u[i] as number), 0);
    if (!Number.isFinite(told)) return Number.isFinite(difference) ? 'not finite' : null;
    const off = Math.abs(difference - told) / Math.max(Math.abs(told), Math.abs(difference), length, 1e-9);
    best = Math.min(best, off);
    if (off < TOLERANCE) return null;
  }
  return `off by ${(100 * best).toFixed(0)} %`;
}
