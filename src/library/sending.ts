import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../ir/model.ts';
import type { AnySolver } from '../solvers/solver.ts';

/** A call of a function that stayed on the other side. */
export interface RemoteCall {
  readonly call: number;
  readonly given: readonly unknown[];
}

/** What both sides of a thread need to take apart and put together what is no plain data. */
export interface Parcels {
  /** Bytes of a model's file, and the model of such bytes. */
  readonly encode: (model: Model) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Model;
  /** Makes a solver again. */
  readonly solver?: (made: NonNullable<AnySolver['made']>) => AnySolver;
  /** Calls a function of the other side. */
  readonly remote?: (call: RemoteCall) => Promise<unknown>;
}

/** What travels in the place of something that cannot. */
type Stub =
  | { readonly coppice: 'model'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly coppice: 'function'; readonly id: number }
  | { readonly coppice: 'solver'; readonly made: NonNullable<AnySolver['made']> };

/** Where a model lies, or its bytes: it is read on the other side. */
export interface Place {
  readonly coppice: 'place';
  readonly place: string | Uint8Array;
  readonly isUrl: boolean;
  /** Whether a compiled model will do. */
  readonly mayBeCompiled: boolean;
}

/** One side's way out: models become bytes, functions numbers, solvers what they are made of; the rest is copied as it is. */
export class Packer {
  readonly functions: ((...given: never[]) => unknown)[] = [];
  readonly buffers: ArrayBuffer[] = [];
  readonly #models = new Map<Model, Stub>();
  readonly #parcels: Parcels;

  constructor(parcels: Parcels) {
    this.#parcels = parcels;
  }

  pack(value: unknown): unknown {
    if (typeof value === 'function') return this.#function(value as (...given: never[]) => unknown);
    if (typeof value !== 'object' || value === null || isWhole(value)) return value;
    if (Array.isArray(value)) return value.map((member) => this.pack(member));
    if (isModel(value)) return this.#model(value);
    if ('made' in value && value.made !== undefined) return { coppice: 'solver', made: value.made };
    const members = isDataset(value) ? membersOf(value) : value;
    return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, this.pack(member)]));
  }

  #function(value: (...given: never[]) => unknown): Stub {
    this.functions.push(value);
    return { coppice: 'function', id: this.functions.length - 1 };
  }

  #model(model: Model): Stub {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const encoded = this.#parcels.encode(model);
    const isOwn = encoded.byteLength === encoded.buffer.byteLength && encoded.buffer instanceof ArrayBuffer;
    const stub: Stub = { coppice: 'model', id: this.#models.size, bytes: encoded };
    if (isOwn) this.buffers.push(encoded.buffer as ArrayBuffer);
    this.#models.set(model, stub);
    return stub;
  }
}

/** The other side's way in. */
export class Unpacker {
  readonly #models = new Map<number, Model>();
  readonly #parcels: Parcels;

  constructor(parcels: Parcels) {
    this.#parcels = parcels;
  }

  unpack(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || isWhole(value)) return value;
    if (Array.isArray(value)) return value.map((member) => this.unpack(member));
    if ('coppice' in value) return this.#of(value as Stub);
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.unpack(member)]));
  }

  #of(stub: Stub): unknown {
    const { remote, solver, decode } = this.#parcels;
    if (stub.coppice === 'function') return (...given: unknown[]) => remote?.({ call: stub.id, given });
    if (stub.coppice === 'solver') return solver?.(stub.made);
    const model = this.#models.get(stub.id) ?? decode(stub.bytes);
    this.#models.set(stub.id, model);
    return model;
  }
}

/** What is copied as one piece, its inside not looked at. */
function isWhole(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set || value instanceof Date;
}

function isModel(value: object): value is Model {
  return 'graph' in value && 'opsets' in value && 'irVersion' in value;
}

/** Whether a value is a data set, of whatever class. */
export function isDataset(value: unknown): value is Dataset {
  return typeof value === 'object' && value !== null && 'batch' in value && 'hash' in value && 'sampleDims' in value;
}

/** A data set's own members, those of its class among them. */
function membersOf(data: Dataset): object {
  const { address, count, sampleDims, inputs, whole, labelled, labels, labelDims, targetDims, targets } = data;
  const facts = { address, count, sampleDims, inputs, whole, labelled, labels, labelDims, targetDims, targets };
  return {
    ...Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined)),
    hash: () => data.hash(),
    batch: (indices: ArrayLike<number>) => data.batch(indices),
  };
}
