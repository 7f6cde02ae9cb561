/** How many threads this page may use, and why not more. */
export interface Isolation {
  readonly threads: number;
  /** In a sentence. */
  readonly note: string;
}

/** More threads than this do not repay themselves in WASM. */
const MOST_THREADS = 8;
/** A service worker that is not there after this time will not come. */
const PATIENCE_MS = 3000;
/** Remembers, for this visit, that the page was loaded again to be isolated. */
const TRIED = 'coppice-isolation-tried';

/** What this page may use. */
export function isolation(): Isolation {
  const cores = navigator.hardwareConcurrency || 1;
  if (!crossOriginIsolated)
    return {
      threads: 1,
      note: 'One thread: this page is not isolated from other origins, so the browser gives it no more.',
    };
  const threads = Math.min(cores, MOST_THREADS);
  return { threads, note: `${threads} ${threads === 1 ? 'thread' : 'threads'} of this device.` };
}

/**
 * Where the host does not send the headers that isolate the page, a service worker adds them; the page is loaded again for
 * that once. Does nothing where that cannot be.
 *
 * @returns true if the page is about to be loaded again
 */
export async function becomeIsolated(): Promise<boolean> {
  if (crossOriginIsolated || !isSecureContext || !('serviceWorker' in navigator)) return false;
  if (sessionStorage.getItem(TRIED) !== null) return false;
  try {
    await navigator.serviceWorker.register(new URL('service-worker.js', document.baseURI));
    if (!(await within(navigator.serviceWorker.ready, PATIENCE_MS))) return false;
    sessionStorage.setItem(TRIED, 'yes');
  } catch {
    return false; // private windows refuse; one thread does as well
  }
  location.reload();
  return true;
}

/** Whether something comes about in time. */
function within(coming: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), ms));
  return Promise.race([coming.then(() => true), late]);
}
