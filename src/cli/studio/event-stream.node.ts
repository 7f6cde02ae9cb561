import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { EventWatches } from './event-watch.node.ts';
import type { Answer, Asked } from './exchange.node.ts';
import { openPlain } from './plain-files.node.ts';
import { parseEvent, type Runs } from './runs.node.ts';

/** Milliseconds between two signs of life. */
const ALIVE_MS = 15_000;
/** Bytes that are read at once. */
const CHUNK = 1 << 16;
/** What events begin with: other lines are not even tried. */
const OPENING = 0x7b;

const WATCHES = new EventWatches();

/**
 * Streams the events of a run as server-sent events, from the first or from behind the last that the reader knows. The id of an event
 * is the byte behind its line: a reader that was cut off goes on where it was, also with another server. A reader that is slow is waited
 * for: what it has not taken stays in the file.
 */
export async function streamEvents(
  { request, response, query }: Asked,
  runs: Runs,
  id: string,
): Promise<Answer | null> {
  const path = await runs.eventsFile(id);
  let at = Number(request.headers['last-event-id'] ?? query.get('from') ?? 0);
  if (!Number.isSafeInteger(at) || at < 0) at = 0;
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  const left = new AbortController();
  response.once('close', () => left.abort());
  await send(response, 'retry: 1000\n\n', left.signal);
  await WATCHES.with(
    path,
    () => runs.isOver(id),
    async (watch) => {
      while (!left.signal.aborted) {
        const { version, isOver } = watch;
        const { text, next } = await linesFrom(path, at);
        at = next;
        if (text !== '') await send(response, text, left.signal);
        else if (isOver) {
          response.end('event: over\ndata: {}\n\n');
          return;
        } else {
          await watch.news(version, ALIVE_MS, left.signal);
          if (watch.version === version) await send(response, ': alive\n\n', left.signal);
        }
      }
    },
  );
  return null;
}

/** Sends, and waits until the reader has taken what lies before it. */
async function send(response: ServerResponse, text: string, left: AbortSignal): Promise<void> {
  if (left.aborted || response.write(text)) return;
  await once(response, 'drain', { signal: left }).catch(() => undefined); // it has left
}

/** Whole lines from a byte on, as messages; lines that are no events are passed over. */
async function linesFrom(path: string, from: number): Promise<{ text: string; next: number }> {
  const file = await openPlain(path);
  if (file === null) return { text: '', next: from };
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, from);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    let text = '';
    for (let at = 0; at < end; ) {
      const behind = buffer.indexOf(10, at) + 1;
      const isObject = buffer[at] === OPENING;
      // A bare carriage return, a space of JSON, would end the line of the message.
      const line = buffer.toString('utf8', at, behind - 1).replaceAll('\r', ' ');
      if (isObject && parseEvent(line).length > 0) text += `id: ${from + behind}\ndata: ${line}\n\n`;
      at = behind;
    }
    return { text, next: from + (end === 0 && bytesRead === CHUNK ? CHUNK : end) };
  } finally {
    await file.close();
  }
}
