import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** A request that was let in. */
export interface Asked {
  readonly method: string;
  /** Behind the token: `/api/runs`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is sent back. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}
