import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { CoppiceError, messageOf, OptionError } from '../../errors/errors.ts';
import { readPage } from '../../report/page.node.ts';
import { DOCUMENT_POLICY, type DocumentName, documentAt } from './document-address.node.ts';
import type { Answer, Asked } from './exchange.node.ts';
import { answerOf } from './routes.node.ts';
import type { Runs } from './runs.node.ts';

/** A running studio. */
export interface Studio {
  /** The address with its token: who knows it may do everything. */
  readonly address: string;
  close(): Promise<void>;
}

/** How {@link startStudio} is set up. */
export interface StudioOptions {
  readonly runs: Runs;
  /** 0 = any that is free. */
  readonly port?: number;
  /** A token of one's own keeps the address over a restart; at least 32 letters and digits. */
  readonly token?: string;
}

const HOST = '127.0.0.1';
const LAST_PORT = 65_535;
/** Milliseconds after which a connection on which nothing moves is closed; streams of events show signs of life before. */
const IDLE_MS = 120_000;
/** More are refused: each takes a file and some memory. */
const MOST_CONNECTIONS = 2000;

/**
 * Serves the studio on this machine alone. Each request has to carry the token as the first part of its path, name this server as
 * its host, and come from no other page; paths with `..` are refused whatever they lead to.
 */
export async function startStudio({
  runs,
  port = 0,
  token = randomBytes(24).toString('hex'),
}: StudioOptions): Promise<Studio> {
  if (!(port >= 0 && port <= LAST_PORT))
    throw new OptionError(`Cannot serve the studio on port ${port}: wanted 0 to ${LAST_PORT}`);
  const page = await readPage('studio');
  const server = createServer((request, response) => {
    void handle(request, response, { runs, token, page }).catch(() => response.destroy());
  });
  server.requestTimeout = 0; // uploads take their time
  server.setTimeout(IDLE_MS); // as long as they go on
  server.maxConnections = MOST_CONNECTIONS;
  await listen(server, port);
  const { port: given } = server.address() as AddressInfo;
  return {
    address: `http://${HOST}:${given}/${token}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What a refused port means. */
const PORT_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it; give another, or 0 for any that is free',
  EACCES: 'this user may not use it; give one above 1023',
};

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = PORT_REASONS[cause.code ?? ''] ?? cause.message;
      reject(new OptionError(`Cannot serve the studio on port ${port}: ${why}`, { cause }));
    });
    server.listen(port, HOST, resolve);
  });
}

/** The studio's page runs its own script, and asks the studio alone. */
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
};

interface Studied {
  readonly runs: Runs;
  readonly token: string;
  readonly page: string;
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  { runs, token, page }: Studied,
): Promise<void> {
  const refused = refusal(request, token);
  if (refused !== null) return send(response, refused);
  const url = new URL(request.url ?? '/', `http://${HOST}`);
  const document = documentAt(token, url.pathname);
  const path = url.pathname.slice(token.length + 1);
  const asked: Asked = { method: request.method ?? 'GET', path, query: url.searchParams, request, response };
  try {
    if (document !== null) return send(response, await documentOf(runs, document, asked.method));
    if (path === '/' && asked.method === 'GET')
      return send(response, { status: 200, type: 'text/html; charset=utf-8', body: page, headers: PAGE_HEADERS });
    const answer = await answerOf(asked, runs, token);
    if (answer !== null) send(response, answer);
  } catch (thrown) {
    const isOurs = thrown instanceof CoppiceError;
    send(response, failure(isOurs ? 422 : 500, isOurs ? thrown.message : `Something broke: ${messageOf(thrown)}`));
  }
}

/** Headers of which only the first would be looked at. */
const ONCE = ['host', 'origin', 'sec-fetch-site'];

/** Why a request is not looked at; null where it is. */
function refusal({ url = '', headers, rawHeaders }: IncomingMessage, token: string): Answer | null {
  if (!isSame(url.split(/[/?#]/)[1] ?? '', token) && documentAt(token, url.split(/[?#]/)[0] ?? '') === null)
    return failure(403, 'The address lacks the token that the studio printed.');
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  if (ONCE.some((name) => names.indexOf(name) !== names.lastIndexOf(name)))
    return failure(400, 'Requests that say twice where they come from are refused.');
  const own = (host: string | undefined): boolean => /^(127\.0\.0\.1|localhost):\d+$/.test(host ?? '');
  if (!own(headers.host)) return failure(403, 'This is not the host that the studio serves.');
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`)
    return failure(403, 'Requests from other pages are refused.');
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return failure(403, 'Requests from other pages are refused.');
  if (/(^|[/\\])(\.|%2e){2}([/\\?#]|%2f|%5c|$)|%2f|%5c|\\|%00/i.test(url))
    return failure(400, 'Paths with ".." are refused.');
  return null;
}

async function documentOf(runs: Runs, { id, name }: DocumentName, method: string): Promise<Answer> {
  if (method !== 'GET') return failure(405, 'There is nothing at this address.');
  const found = await runs.file(id, name);
  return { ...found, headers: { ...found.headers, 'content-security-policy': DOCUMENT_POLICY } };
}

/** Takes the same time whatever is wrong. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [given, token].map((text) => Buffer.from(text.padEnd(128).slice(0, 128)));
  return timingSafeEqual(a as Buffer, b as Buffer);
}

/** An answer that says what went wrong in a sentence. */
export function failure(status: number, message: string): Answer {
  // What was sent with the request may not have been read: the connection cannot be used again.
  return { status, type: 'application/json', body: JSON.stringify({ message }), headers: { connection: 'close' } };
}

function send(response: ServerResponse, { status, type, body, headers = {} }: Answer): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cross-origin-resource-policy': 'same-origin',
    ...headers,
  });
  if (typeof body === 'string') response.end(body);
  else pipeline(body, response, () => undefined); // a reader that leaves early closes the file too
}
