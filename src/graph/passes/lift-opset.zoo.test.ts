import { describe, expect, it } from 'vitest';
import { NOT_RUNNABLE, outputGap, randomFeeds, sharedModels } from '../../../test/shared-models.ts';
import { capture } from '../../engine/capture.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { readModel } from '../../onnx/files.node.ts';
import { LIFTED_OPSET, liftOpset } from './lift-opset.ts';

/** Half floats: Softmax before and after opset 13 are two kernels of onnxruntime, one unit in the last place apart. */
const TOLERANCE: Readonly<Record<string, number>> = { 'Windows-Machine-Learning--SqueezeNet_fp16': 1e-3 };
/** A forward pass of three seconds that needs no captured shapes. */
const SLOW = 'Windows-Machine-Learning--fns-candy';

const models = sharedModels();

describe.skipIf(models.length === 0)('liftOpset on the shared models', () => {
  it('finds the shared models and the zoo', () => {
    expect(models.length).toBeGreaterThan(33);
  });

  it.each(models.filter(({ name }) => !NOT_RUNNABLE.has(name)))(
    '$name gives the same outputs at opset 17',
    async ({ name, path }) => {
      const model = await readModel(path);
      const feeds = randomFeeds(model, 1);
      const captured = name === SLOW ? undefined : await capture(onnxruntimeNode, model, feeds);
      const lifted = liftOpset(model, captured);
      expect(lifted.opsets.get('')).toBeGreaterThanOrEqual(LIFTED_OPSET);
      expect(liftOpset(lifted, captured)).toBe(lifted);
      for (const weight of model.graph.constants.keys())
        expect(lifted.graph.constants.get(weight)).toBe(model.graph.constants.get(weight));
      expect(await outputGap(model, lifted, feeds)).toBeLessThanOrEqual(TOLERANCE[name] ?? 0);
    },
    60_000,
  );

  it.each(models.filter(({ name }) => NOT_RUNNABLE.has(name)))(
    '$name, which onnxruntime refuses, is lifted or left alone',
    async ({ path }) => {
      const model = await readModel(path);
      const opset = liftOpset(model).opsets.get('');
      expect(opset === undefined || opset >= LIFTED_OPSET).toBe(true);
    },
  );
});
