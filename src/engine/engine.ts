import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** How a session is made. */
export interface SessionOptions {
  /** Threads of one operator; undefined = the runtime's choice. */
  readonly threads?: number;
  /**
   * Copies of the session, each in a worker thread with its part of the threads: that many runs may be in flight at once,
   * and the caller's thread is free meanwhile. Default: none, runs are in the caller's thread.
   */
  readonly workers?: number;
  /** Graph optimisation; `none` keeps every node as it stands. Default `all`. */
  readonly optimization?: 'none' | 'basic' | 'extended' | 'all';
  /**
   * Whether the runtime takes all weights in, as where the model is deployed: what is timed. Default: those of a large model are read where
   * they lie, and prepared anew in each run.
   */
  readonly holdsWeights?: boolean;
}

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, Tensor>;

/** A tensor in the memory of an engine's device: fed to that engine's sessions again and again, never read. */
export interface Held {
  /** The runtime's own tensor. */
  readonly held: unknown;
  readonly dims: readonly number[];
  /** Frees the device's memory. */
  release(): void;
}

/** What a run is given, by name. */
export type Feeds = ReadonlyMap<string, Tensor | Held>;

/**
 * Memory for the outputs of a run, used again by the next run that is given it: outputs of worker threads then need not be
 * allocated, moved and freed each time. Empty at first; a session makes what it needs.
 */
export interface Room {
  memory?: SharedArrayBuffer;
}

/** A model ready to run. */
export interface Session {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs that proceed at once; further ones wait. */
  readonly parallel: number;
  /**
   * Runs the model. Inputs are read in place; outputs belong to the caller, but those of a run that was given room are valid
   * only until the same room is given to another. Sessions in the caller's thread make no use of room.
   *
   * @throws EngineError with the runtime's reason
   */
  run(feeds: Feeds, fetches?: readonly string[], room?: Room): Promise<Map<string, Tensor>>;
  /** Frees the session's memory; it cannot run afterwards. */
  release(): Promise<void>;
}

/** A runtime for ONNX models: onnxruntime, in Node or in a browser. */
export interface Engine {
  readonly name: string;
  readonly version: string;
  /** Threads that the machine runs at once. */
  readonly cores: number;
  /** Where models run on another device: the processor's engine, for work that is not worth the way there. */
  readonly host?: Engine;
  /** How the provider was chosen, where that was left open; else absent. */
  readonly chosen?: string;
  /** Takes a tensor into the device's memory, where that can be. @throws EngineError if it does not fit */
  hold?(tensor: Tensor): Promise<Held>;
  /** @throws EngineError if the runtime refuses the model */
  createSession(model: Model | Uint8Array, options?: SessionOptions): Promise<Session>;
}
