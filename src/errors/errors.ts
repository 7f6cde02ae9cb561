/** What kind of thing went wrong; the command line turns it into an exit code. */
export type ErrorCode =
  | 'onnx-decode'
  | 'unsupported-op'
  | 'shape'
  | 'option'
  | 'data'
  | 'engine'
  | 'provider'
  | 'output'
  | 'unfinished'
  | 'infeasible'
  | 'resume-mismatch';

/** Structured fields of an error: plain data, so that it crosses a worker boundary unharmed. */
export type ErrorFields = Readonly<Record<string, unknown>>;

/** An option that mends what is wrong, by its name in the library; a command line knows its flag. */
export interface Remedy {
  readonly option: RemedyOption;
  /** A value that mends it. */
  readonly value?: string;
}

/** Options that errors and warnings name as remedies. */
export type RemedyOption =
  | 'data'
  | 'method'
  | 'layers'
  | 'exclude'
  | 'bounds'
  | 'samples'
  | 'batch'
  | 'lambda'
  | 'lineSearch'
  | 'tune'
  | 'gradual'
  | 'maxDrop'
  | 'memory'
  | 'loss'
  | 'labels'
  | 'output'
  | 'rate'
  | 'augment'
  | 'report'
  | 'restart';

/** What an error says besides its message. */
interface Details {
  readonly fields?: ErrorFields;
  readonly remedies?: readonly Remedy[];
  readonly cause?: unknown;
}

/** The base of every error that Coppice throws on purpose: the caller or a file is wrong. */
export class CoppiceError extends Error {
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  constructor(code: ErrorCode, message: string, { fields = {}, remedies, cause }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.fields = remedies === undefined ? fields : { ...fields, remedies };
  }

  /** Options that mend it, by their names in the library. */
  get remedies(): readonly Remedy[] {
    const { remedies } = this.fields;
    return Array.isArray(remedies) ? remedies : [];
  }

  /** Plain data from which {@link errorFromJSON} rebuilds the error; structuredClone would lose class and code. */
  toJSON(): SerializedError {
    return { name: this.name, code: this.code, message: this.message, fields: this.fields };
  }
}

/** What {@link CoppiceError.toJSON} returns. */
export interface SerializedError {
  readonly name: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: ErrorFields;
}

/** The bytes are not a model that can be read. */
export class OnnxDecodeError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('onnx-decode', message, details);
  }
}

/** The model holds operators that the request cannot be carried out with. */
export class UnsupportedOpError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('unsupported-op', message, details);
  }
}

/** Two shapes that have to agree do not. */
export class ShapeError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('shape', message, details);
  }
}

/** An option has a value that it cannot have. */
export class OptionError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('option', message, details);
  }
}

/** The data cannot be read, or does not fit the model. */
export class DataError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('data', message, details);
  }
}

/** onnxruntime refused a model or failed while running it. */
export class EngineError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('engine', message, details);
  }
}

/** What should run the models is not on this machine, or computes wrongly there. */
export class ProviderError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('provider', message, details);
  }
}

/** A result cannot be written where it was asked for. */
export class OutputError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('output', message, details);
  }
}

/** The model is written, whole and in its place; something that belongs to it is not. */
export class UnfinishedError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('unfinished', message, details);
  }
}

/** No model can meet the budget. */
export class InfeasibleError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('infeasible', message, details);
  }
}

/** An interrupted run cannot go on: something that it depends on has changed. */
export class ResumeMismatchError extends CoppiceError {
  constructor(message: string, details?: Details) {
    super('resume-mismatch', message, details);
  }
}

const CLASSES: Partial<Record<ErrorCode, new (message: string, details?: Details) => CoppiceError>> = {
  'onnx-decode': OnnxDecodeError,
  'unsupported-op': UnsupportedOpError,
  shape: ShapeError,
  option: OptionError,
  data: DataError,
  engine: EngineError,
  provider: ProviderError,
  output: OutputError,
  unfinished: UnfinishedError,
  infeasible: InfeasibleError,
  'resume-mismatch': ResumeMismatchError,
};

/** Rebuilds the error that {@link CoppiceError.toJSON} described, with its class. */
export function errorFromJSON(json: SerializedError): CoppiceError {
  const Class = CLASSES[json.code];
  if (Class === undefined) return new CoppiceError(json.code, json.message, { fields: json.fields });
  return new Class(json.message, { fields: json.fields });
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
