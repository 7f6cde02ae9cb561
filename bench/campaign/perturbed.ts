import type { Engine, Session } from '../../src/engine/engine.ts';
import { constantsToInitializers } from '../../src/graph/passes/constants-to-initializers.ts';
import type { WeightLayer } from '../../src/graph/weights.ts';
import { tensorOf } from '../../src/ir/access.ts';
import type { Constant, Model } from '../../src/ir/model.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** A model whose weights are inputs: the stock runtime says what it gives for any of them. */
export interface Perturbed {
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Values by name, for samples and weights; those not given are the model's own. */
  run(inputs: ReadonlyMap<string, Tensor>, changed?: ReadonlyMap<string, Float32Array>): Promise<Map<string, Tensor>>;
  release(): Promise<void>;
}

/** Opens a model with its layers' weights as inputs and some values as outputs. */
export async function perturbed(
  { engine, model }: { readonly engine: Engine; readonly model: Model },
  layers: readonly WeightLayer[],
  outputs: readonly string[],
): Promise<Perturbed> {
  const graph = constantsToInitializers(model.graph);
  const constants = new Map(graph.constants);
  const weights = new Map<string, Float32Array>();
  const dims = new Map<string, readonly number[]>();
  for (const { name } of layers) {
    const constant = constants.get(name) as Constant;
    weights.set(name, Float32Array.from(tensorOf(constant).data as Float32Array));
    dims.set(name, constant.dims);
    constants.delete(name);
  }
  const fed = layers.map(({ name }) => ({
    name,
    type: 'float32' as const,
    shape: dims.get(name) as readonly number[],
  }));
  const open: Model = {
    ...model,
    graph: {
      ...graph,
      constants,
      // a batch of any size: no piece of the networks bakes it in
      inputs: [
        ...graph.inputs.filter(({ name }) => !weights.has(name)).map((input) => ({ ...input, shape: null })),
        ...fed,
      ],
      outputs: outputs.map((name) => ({ name, type: null, shape: null })),
      valueInfo: [],
    },
  };
  const session: Session = await engine.createSession(encodeModel(open));
  return {
    weights,
    run: (inputs, changed = new Map()) => {
      const feeds = new Map(inputs);
      for (const [name, own] of weights)
        feeds.set(name, { type: 'float32', dims: dims.get(name) as readonly number[], data: changed.get(name) ?? own });
      return session.run(feeds);
    },
    release: () => session.release(),
  };
}

/** w + h u. */
export function moved(w: Float32Array, u: Float32Array, h: number): Float32Array {
  return w.map((x, i) => x + h * (u[i] as number));
}
