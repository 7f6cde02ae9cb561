import { errorFromJSON, type SerializedError } from '../errors/errors.ts';

/** An error as it comes from another thread: structuredClone would lose class, code and fields. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** Of the errors that Coppice throws on purpose. */
  readonly json?: SerializedError;
  readonly cause?: SentError;
}

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = { RangeError, TypeError, SyntaxError };

/** The error as it was thrown: ours with class, code and fields, others with name and message. */
export function receivedError(sent: SentError): Error {
  const error = sent.json === undefined ? plainError(sent) : errorFromJSON(sent.json);
  if (sent.stack !== undefined) Object.defineProperty(error, 'stack', { value: sent.stack });
  if (sent.cause !== undefined) Object.defineProperty(error, 'cause', { value: receivedError(sent.cause) });
  return error;
}

function plainError({ name, message }: SentError): Error {
  if (name === 'AbortError' || name === 'TimeoutError') return new DOMException(message, name);
  const error = new (CLASSES[name] ?? Error)(message);
  if (error.name !== name) error.name = name;
  return error;
}
