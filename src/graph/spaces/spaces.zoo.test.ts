import { describe, expect, it } from 'vitest';
import { NOT_RUNNABLE, outputGap, randomFeeds, sharedModels } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
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

describe.skipIf(models.length === 0)('groups of the shared models', () => {
  it.each(models)(
    '$name without some groups computes what it computes with them at zero',
    async ({ path }) => {
      const read = await readModel(path);
      const model = { ...read, graph: constantsToInitializers(read.graph) };
      const feeds = randomFeeds(model, 1);
      const captured = await capture(onnxruntimeNode, model, feeds);
      const found = findSpaces(model, captured);
      if (process.env.SHOW) {
        for (const { name, groups } of found.spaces) console.log(groups.length, name.slice(0, 150));
        for (const f of found.frozen) console.log('frozen', f.weight, f.axis, f.reason);
      }
      if (found.spaces.length === 0) return;
      const gone = someOf(found.spaces, 7);
      const small = compact(model, found, gone);
      const sizes = [model, small].map(({ graph }) =>
        [...graph.constants.values()].reduce(
          (sum, { raw }) => sum + (raw instanceof Uint8Array ? raw.byteLength : 0),
          0,
        ),
      );
      console.log(
        path.split('/').at(-1),
        found.spaces.length,
        'spaces',
        found.spaces.reduce((a, s) => a + s.groups.length, 0),
        'groups',
        found.frozen.length,
        'frozen',
        sizes,
      );
      expect(await outputGap(masked(model, found, gone), small, feeds)).toBeLessThanOrEqual(1e-4);
    },
    60_000,
  );
});
