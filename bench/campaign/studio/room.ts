import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Runs } from '../../../src/cli/studio/runs.node.ts';
import { type Studio, startStudio } from '../../../src/cli/studio/server.node.ts';
import { studioKey } from '../../../src/cli/studio/studio-key.node.ts';
import { Folder, SMALL } from '../../../test/cli-harness.ts';

/** What an attack is, and what must happen. */
export interface Attack {
  readonly kind: string;
  readonly name: string;
  /** What must happen. */
  readonly must: string;
  /** Takes more than a second or two: left out of the tests that run always. */
  readonly isSlow?: boolean;
  /** @returns  what passed; null where the studio stood */
  readonly try: (room: StudioRoom) => Promise<string | null>;
}

/** What came back. */
export interface Got {
  /** 0 = the connection was closed without an answer; null = nothing came in time. */
  readonly status: number | null;
  readonly head: string;
  readonly body: string;
}

/** A request to be put together. */
export interface Request {
  readonly method?: string;
  /** Behind the host; the token stands in front where it begins with "~". */
  readonly target: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

/** In a file outside of the studio's folder: no answer may have it. */
export const SECRET = 'outside-d41d8cd98f';
const TOKEN = 'c3'.repeat(20);
/** Milliseconds that an answer may take. */
const WAIT_MS = 20_000;

/** A studio in a folder of its own, whose runs are programs that only wait. */
export class StudioRoom {
  readonly token = TOKEN;
  readonly folder = new Folder();
  readonly place = this.folder.at('runs');
  readonly outside = this.folder.at('outside');
  readonly model = this.folder.model('net.onnx', SMALL);
  readonly runs: Runs;
  #studio: Studio | undefined;
  #own: Promise<string> | undefined;

  constructor() {
    mkdirSync(this.place);
    mkdirSync(this.outside);
    writeFileSync(join(this.outside, 'secret.txt'), SECRET);
    writeFileSync(join(this.outside, 'report.html'), SECRET);
    const waits = this.folder.write('waits.mjs', 'setTimeout(() => {}, 120000);');
    this.runs = new Runs(this.place, [process.execPath, waits], studioKey('5e'.repeat(32)));
  }

  async open(): Promise<this> {
    this.#studio = await startStudio({ runs: this.runs, token: TOKEN });
    return this;
  }

  async close(): Promise<void> {
    for (const { id, state } of await this.runs.list())
      if (state === 'running') await this.runs.stop(id).catch(() => undefined);
    await this.#studio?.close();
    this.folder.remove();
  }

  /** `127.0.0.1:PORT`. */
  get host(): string {
    return new URL((this.#studio as Studio).address).host;
  }

  get port(): number {
    return Number(this.host.split(':')[1]);
  }

  /** Sends bytes as they are, in pieces with so many milliseconds between, and reads until the other side closes. */
  send(pieces: readonly (string | Buffer)[], { between = 0, wait = WAIT_MS } = {}): Promise<Got> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      let text = '';
      let isOver = false;
      const end = (got: Got): void => {
        isOver = true;
        clearTimeout(timer);
        socket.destroy();
        resolve(got);
      };
      const parsed = (status: number | null): Got => {
        const at = text.indexOf('\r\n\r\n');
        const [head, rest] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 4)];
        const body = /^transfer-encoding: chunked/im.test(head) ? joined(rest) : rest;
        return { status: /^HTTP\/1\.1 (\d+)/.test(head) ? Number(head.slice(9, 12)) : status, head, body };
      };
      const timer = setTimeout(() => end(parsed(null)), wait);
      socket.setEncoding('latin1');
      socket.on('data', (piece) => {
        text += piece;
      });
      socket.on('error', () => undefined); // it is closed then
      socket.on('close', () => isOver || end(parsed(0)));
      void (async () => {
        for (const piece of pieces) {
          if (isOver) return;
          socket.write(piece);
          if (between > 0) await new Promise((next) => setTimeout(next, between));
        }
      })();
    });
  }

  /** The bytes of a request with this host, that ends its connection. */
  bytesOf({ method = 'GET', target, headers, body = '' }: Request): (string | Buffer)[] {
    const own = headers ?? [`Host: ${this.host}`];
    const path = target.startsWith('~') ? `/${TOKEN}${target.slice(1)}` : target;
    const length = body.length > 0 ? [`Content-Length: ${Buffer.byteLength(body)}`] : [];
    return [`${method} ${path} HTTP/1.1\r\n${[...own, ...length, 'Connection: close'].join('\r\n')}\r\n\r\n`, body];
  }

  ask(request: Request): Promise<Got> {
    return this.send(this.bytesOf(request).filter((piece) => piece.length > 0));
  }

  /** Posts a form. */
  post(target: string, body: unknown, type = 'application/json'): Promise<Got> {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return this.ask({
      method: 'POST',
      target,
      headers: [`Host: ${this.host}`, `Content-Type: ${type}`],
      body: text,
    });
  }

  /** A run of the studio's own that goes on, begun once. */
  own(): Promise<string> {
    this.#own ??= this.start('own');
    return this.#own;
  }

  async start(name: string): Promise<string> {
    return this.runs.start({
      name,
      model: this.model,
      method: 'magnitude',
      sparsity: 0.5,
      preprocess: {},
      options: {},
    });
  }

  /** A run that was begun here and has ended. */
  async ended(name: string): Promise<string> {
    const id = await this.start(name);
    await this.runs.stop(id);
    await this.until(async () => (await this.runs.summary(id)).state !== 'running');
    return id;
  }

  async until(isSo: () => Promise<boolean>): Promise<void> {
    const ends = performance.now() + WAIT_MS;
    while (!(await isSo())) {
      if (performance.now() > ends) throw new Error('what was waited for does not come');
      await new Promise((next) => setTimeout(next, 20));
    }
  }

  /** Makes a folder among the runs. */
  made(id: string, files: Readonly<Record<string, string | Buffer>> = {}): string {
    const folder = join(this.place, id);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return folder;
  }

  /** What must not change: the records of all runs, and what lies outside. */
  trace(): string {
    const hash = createHash('sha256');
    for (const id of readdirSync(this.place).sort()) {
      const record = join(this.place, id, 'studio.json');
      if (isShort(record)) hash.update(`${id}\0${readFileSync(record)}`);
      else if (/^\d{8}-\d{6}-[0-9a-f]{6}$/.test(id)) hash.update(`${id}\0begun`);
    }
    const outer = [this.folder.path, this.outside].flatMap((place) =>
      readdirSync(place).map((name) => join(place, name)),
    );
    for (const path of outer.sort()) hash.update(`${path}\0${path.startsWith(this.outside) && readText(path)}`);
    return hash.digest('hex');
  }
}

/** Chunks without their sizes. */
function joined(text: string): string {
  let body = '';
  for (let at = 0; at < text.length; ) {
    const from = text.indexOf('\r\n', at) + 2;
    const size = Number.parseInt(text.slice(at, from), 16);
    if (from < 2 || !(size > 0)) break;
    body += text.slice(from, from + size);
    at = from + size + 2;
  }
  return body;
}

/** A file that is read at once: no link, no pipe. */
function isShort(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size < 1 << 20;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What is wrong with an answer that had to be a refusal; null = nothing. */
export function refusalOf({ status, head, body }: Got, wanted: readonly number[] = []): string | null {
  if (status === null) return 'no answer came';
  if (head.includes(SECRET) || body.includes(SECRET)) return 'the answer has what lies outside';
  if (body.includes(TOKEN)) return 'the answer has the token';
  if (status === 0) return wanted.length > 0 && !wanted.includes(0) ? 'the connection was cut without a word' : null;
  if (wanted.length > 0) return wanted.includes(status) ? null : `status ${status}: ${body.slice(0, 120)}`;
  return status >= 400 && status < 500 ? null : `status ${status}: ${body.slice(0, 120)}`;
}

/** Tries something that must leave no trace. @returns  what passed; null = nothing did */
export async function unmoved(room: StudioRoom, attempt: () => Promise<string | null>): Promise<string | null> {
  const before = room.trace();
  const passed = await attempt();
  if (passed !== null) return passed;
  if (room.trace() !== before) return 'something was begun, or written outside';
  return ({} as Record<string, unknown>).polluted === undefined ? null : 'prototypes are polluted';
}
