import { EngineError, messageOf } from '../errors/errors.ts';
import type { DataType, Tensor } from '../tensor/tensor.ts';
import type { Feeds, Held, Session } from './engine.ts';

/** A tensor of the runtime's own. */
interface RuntimeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** What onnxruntime-node and onnxruntime-web have in common of a session. */
export interface RuntimeSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: never): Promise<Readonly<Record<string, unknown>>>;
  run(feeds: never, fetches: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  release(): Promise<void>;
}

/** The runtime's class of tensors. */
export type RuntimeTensorClass = new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;

/** A session in this thread. */
export function sessionHere(session: RuntimeSession, TensorClass: RuntimeTensorClass): Session {
  const toRuntime = (value: Tensor | Held): unknown =>
    'held' in value ? value.held : new TensorClass(value.type as 'float32', value.data as Float32Array, value.dims);
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    parallel: 1,
    async run(feeds: Feeds, fetches?: readonly string[]): Promise<Map<string, Tensor>> {
      const inputs = Object.fromEntries([...feeds].map(([name, tensor]) => [name, toRuntime(tensor)])) as never;
      // a list of names costs the runtime its square
      const outputs = await (fetches === undefined ? session.run(inputs) : session.run(inputs, [...fetches]));
      return new Map(Object.entries(outputs).map(([name, value]) => [name, fromRuntime(value as RuntimeTensor)]));
    },
    release: () => session.release(),
  };
}

/** Half floats are their bits, whether or not the machine has an array for them. */
function fromRuntime({ type, dims, data }: RuntimeTensor): Tensor {
  const values = data as Tensor['data'];
  const isHalf = type === 'float16' && ArrayBuffer.isView(values) && !(values instanceof Uint16Array);
  const bits = isHalf ? new Uint16Array(values.buffer, values.byteOffset, values.length) : values;
  return { type: type as DataType, dims, data: bits };
}

/** The same session with the errors of runs as ours. */
export function told(session: Session): Session {
  return {
    ...session,
    run: async (feeds, fetches, room) => {
      try {
        return await session.run(feeds, fetches, room);
      } catch (cause) {
        if (cause instanceof EngineError) throw cause;
        throw new EngineError(`onnxruntime failed while running the model: ${reasonOf(cause)}`, { cause });
      }
    },
  };
}

/** That the runtime does not take a model; what is said already, as it is. */
export function refusedModel(cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  return new EngineError(`onnxruntime refuses the model: ${reasonOf(cause)}`, { cause });
}

/** The runtime's message without its source positions and codes. */
function reasonOf(cause: unknown): string {
  return messageOf(cause)
    .replace(/^.*?ERROR_MESSAGE: "?/s, '')
    .replace(/\/\S+\.(?:cc|h):\d+\s+/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}
