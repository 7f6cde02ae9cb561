import type { Engine } from '../../src/engine/engine.ts';
import { onnxruntimeNode } from '../../src/engine/onnxruntime.node.ts';
import type { Random } from '../../src/tensor/random.ts';

/** One graph in so many is run as the runtime optimises it; the others as they stand, which opens sessions in less than half of the time. */
const OPTIMISED = 4;

/** The runtime with sessions that open fast: one thread, and for most graphs no optimisation. */
export function fastEngine(rng: Random): Engine {
  const optimises = rng.integer(OPTIMISED) === 0;
  return {
    ...onnxruntimeNode,
    cores: 1,
    createSession: (model, options = {}) =>
      onnxruntimeNode.createSession(model, {
        threads: 1,
        ...(optimises ? {} : { optimization: 'none' as const }),
        ...options,
      }),
  };
}
