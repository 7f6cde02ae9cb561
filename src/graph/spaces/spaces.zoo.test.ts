import { describe, expect, it } from 'vitest';
import { NOT_RUNNABLE, outputGap, randomFeeds, sharedModels } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import type { Model } from '../../ir/model.ts';
import { readModel } from '../../onnx/files.node.ts';
import { random } from '../../tensor/random.ts';
import { constantsToInitializers } from '../passes/constants-to-initializers.ts';
import type { Atom } from './atoms.ts';
import { compact } from './compact.ts';
import { masked } from './masked.ts';
import { findSpaces, type Space } from './spaces.ts';

const models = sharedModels().filter(({ name }) => !NOT_RUNNABLE.has(name));

/** About a third of the groups of each space, never all. */
function someOf(spaces: readonly Space[], seed: number): Set<Atom> {
  const rng = random(seed);
  return new Set(
    spaces.flatMap(({ groups }) => groups.filter((_, i) => i > 0 && rng.uniform() < 0.3).map(({ atom }) => atom)),
  );
}

function bytesOf({ graph }: Model): number {
  return [...graph.constants.values()].reduce(
    (sum, { raw }) => sum + (raw instanceof Uint8Array ? raw.byteLength : 0),
    0,
  );
}

/** Zoo models of which something can be taken out. */
const LEAST_MODELS = 25;

describe.skipIf(models.length === 0)('groups of the shared models', () => {
  let withSpaces = 0;

  it.each(models)(
    '$name without some groups computes what it computes with them at zero',
    async ({ path }) => {
      const read = await readModel(path);
      const model = { ...read, graph: constantsToInitializers(read.graph) };
      const feeds = randomFeeds(model, 1);
      const captured = await capture(onnxruntimeNode, model, feeds);
      const found = findSpaces(model, captured);
      if (found.spaces.length === 0) return;
      withSpaces++;
      const gone = someOf(found.spaces, 7);
      const small = compact(model, found, gone);
      expect(bytesOf(small)).toBeLessThan(bytesOf(model));
      expect(await outputGap(masked(model, found, gone), small, feeds)).toBeLessThanOrEqual(1e-4);
    },
    60_000,
  );

  it('most of them have some', () => {
    expect(withSpaces).toBeGreaterThanOrEqual(LEAST_MODELS);
  });
});
