import { open } from 'node:fs/promises';
import type { Answer, Asked } from './exchange.node.ts';
import { parseEvent, type Runs } from './runs.node.ts';

/** Milliseconds between two looks at the file, and between two signs of life. */
const LOOK_MS = 150;
const ALIVE_MS = 15_000;
/** Bytes that are read at once. */
const CHUNK = 1 << 16;

/**
 * Streams the events of a run as server-sent events, from the first or from behind the last that the reader knows. The id of an event
 * is the byte behind its line: a reader that was cut off goes on where it was, also with another server.
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
  response.write('retry: 1000\n\n');
  let alive = Date.now();
  while (!response.destroyed && !response.writableEnded) {
    const isOver = await runs.isOver(id); // before the last look, so that nothing is missed
    const { text, next } = await linesFrom(path, at);
    at = next;
    if (text !== '') response.write(text);
    else if (isOver) {
      response.write('event: over\ndata: {}\n\n');
      response.end();
    } else await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (Date.now() - alive > ALIVE_MS) {
      alive = Date.now();
      response.write(': alive\n\n');
    }
  }
  return null;
}

/** Whole lines from a byte on, as messages; lines that are no events are passed over. */
async function linesFrom(path: string, from: number): Promise<{ text: string; next: number }> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return { text: '', next: from };
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, from);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    let [text, at] = ['', from];
    for (const line of buffer.subarray(0, end).toString('utf8').split('\n').slice(0, -1)) {
      at += Buffer.byteLength(line) + 1;
      if (parseEvent(line).length > 0) text += `id: ${at}\ndata: ${line}\n\n`;
    }
    return { text, next: from + (end === 0 && bytesRead === CHUNK ? CHUNK : end) };
  } finally {
    await file.close();
  }
}
