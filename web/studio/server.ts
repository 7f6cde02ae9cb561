import type { Preview, PreviewRequest, RunRequest, RunSummary } from '../../src/cli/studio/schema.ts';
import type { MethodForm } from '../../src/methods/form.ts';

import type { SweepReport } from '../../src/report/sweep-report.ts';

/** A method as the form offers it. */
export interface MethodChoice extends MethodForm {
  /** Trains by itself, for as many minutes as it is given. */
  readonly trains: boolean;
}

/** Addresses are relative to the page's own, which holds the token. */
async function ask<T>(path: string, options?: RequestInit): Promise<T> {
  const response = await fetch(path, options).catch(() => null);
  if (response === null) throw new Error('The studio does not answer: is it still running?');
  const value = (await response.json().catch(() => null)) as (T & { message?: string }) | null;
  if (!response.ok || value === null) throw new Error(value?.message ?? `The studio answers ${response.status}.`);
  return value;
}

function post<T>(path: string, value: object, signal?: AbortSignal): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return ask(path, { method: 'POST', headers, body: JSON.stringify(value), ...(signal && { signal }) });
}

/** The runs of the folder, the newest first. */
export const listRuns = (): Promise<RunSummary[]> => ask('api/runs');
/** One run. */
export const readRun = (id: string): Promise<RunSummary> => ask(`api/runs/${id}`);
/** The points of a sweep that is over. */
export const readSweep = (id: string): Promise<SweepReport> => ask(`runs/${id}/sweep.json`);
/** The methods with their summaries. */
export const listMethods = (): Promise<MethodChoice[]> => ask('api/methods');
/** Begins a run. */
export const startRun = (request: RunRequest): Promise<{ id: string }> => post('api/runs', request);
/** Stops a run at its next safe point. */
export const stopRun = (id: string): Promise<object> => post(`api/runs/${id}/stop`, {});
/** Goes on with a run. */
export const resumeRun = (id: string): Promise<object> => post(`api/runs/${id}/resume`, {});
/** What the levels of a budget would keep. */
export const previewOf = (request: PreviewRequest): Promise<Preview> => post('api/preview', request);

/** Bytes that an upload may have; the studio refuses more. */
const MOST_MODEL = 1 << 30;

/** Hands a model to the studio. @returns the path of its file */
export async function uploadModel(file: File): Promise<string> {
  if (file.size > MOST_MODEL)
    throw new Error(
      `The model "${file.name}" is larger than ${MOST_MODEL / 2 ** 20} MiB: give the path of its file instead of an upload.`,
    );
  const name = encodeURIComponent(file.name);
  const { path } = await ask<{ path: string }>(`api/models?name=${name}`, { method: 'POST', body: file });
  return path;
}
