import { CoppiceError, messageOf } from '../../../src/errors/errors.ts';
import type { OnProgress } from '../../../src/progress/progress.ts';
import type { Reply, Request, SentError } from '../protocol.ts';
import { type Handlers, workbench } from './workbench.ts';

/** Ticks more frequent than this are not worth drawing. */
const TICK_MS = 60;

const bench: Handlers = workbench();
const running = new Map<number, AbortController>();

self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  if (data.call === 'cancel') running.get(data.id)?.abort(new DOMException('stopped', 'AbortError'));
  else void answer(data);
});

async function answer({ id, call, ask }: Exclude<Request, { call: 'cancel' }>): Promise<void> {
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const handle = bench[call] as (ask: unknown, run: { signal: AbortSignal; onProgress: OnProgress }) => unknown;
    const result = await handle(ask, { signal: stop.signal, onProgress: ticking(id) });
    send({ id, kind: 'answer', answer: result }, buffersOf(result));
  } catch (thrown) {
    send({ id, kind: 'error', error: stop.signal.aborted ? STOPPED : sent(thrown) });
  } finally {
    running.delete(id);
  }
}

const STOPPED: SentError = { name: 'AbortError', code: 'stopped', message: 'Stopped.' };

function sent(thrown: unknown): SentError {
  if (thrown instanceof CoppiceError) return thrown.toJSON();
  if (thrown instanceof RangeError && /allocation|array (buffer|length)/i.test(thrown.message))
    return {
      name: 'RangeError',
      code: 'bug',
      message:
        'This browser has not enough memory for the gradients: take fewer samples, or magnitude, which needs none.',
    };
  return { name: 'Error', code: 'bug', message: `Something broke inside of Coppice: ${messageOf(thrown)}` };
}

/** Progress, thinned out; the end of a step is always told. */
function ticking(id: number): OnProgress {
  let last = 0;
  return (progress) => {
    const now = performance.now();
    if (now - last < TICK_MS && progress.done < progress.total) return;
    last = now;
    send({ id, kind: 'progress', progress });
  };
}

/** Large results move to the page instead of being copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  const bytes = (result as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : [];
}

function send(reply: Reply, transfer: Transferable[] = []): void {
  (self as unknown as { postMessage(message: unknown, transfer: Transferable[]): void }).postMessage(reply, transfer);
}
