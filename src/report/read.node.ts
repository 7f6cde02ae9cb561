import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, messageOf } from '../errors/errors.ts';
import { codeOf, reasonOf } from '../files/reason.ts';
import { type Report, reportSchema } from './report.ts';
import { type SweepReport, sweepReportSchema } from './sweep-report.ts';

/** A report of a run or of a sweep, and the file that it was read from. */
export interface ReadReport {
  readonly path: string;
  readonly document: Report | SweepReport;
}

/** Names of the data beside a page, the likelier first. */
const NAMES = ['report.json', 'sweep.json'];

/** Larger files are none of ours. */
const MOST_BYTES = 64 << 20;

/**
 * Reads a report: a file, or a folder with report.json or sweep.json.
 *
 * @throws DataError if there is none, or it is not of this layout
 */
export async function readReport(place: string): Promise<ReadReport> {
  const paths = (await isFolder(place)) ? NAMES.map((name) => join(place, name)) : [place];
  for (const path of paths) {
    const found = await statOf(path);
    if (found === null) continue;
    if (!found.isFile() || found.size > MOST_BYTES)
      throw new DataError(`Cannot read the report "${path}": wanted a file of at most ${MOST_BYTES >> 20} MiB`);
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    return { path, document: parseReport(text, path) };
  }
  throw new DataError(
    `Cannot read a report from "${place}": there is no ${NAMES.join(' and no ')}; name the folder that the report was written into`,
  );
}

function unreadable(path: string, cause: unknown): DataError {
  return new DataError(`Cannot read the report "${path}": ${reasonOf(cause, 'read')}`, { cause });
}

/** Whether a document is that of a sweep. */
export function isSweep(document: Report | SweepReport): document is SweepReport {
  return 'cells' in document;
}

function parseReport(text: string, path: string): Report | SweepReport {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`Cannot read the report "${path}": ${messageOf(cause)}`, { cause });
  }
  const isOfSweep = typeof json === 'object' && json !== null && 'cells' in json;
  const parsed = (isOfSweep ? sweepReportSchema : reportSchema).safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new DataError(
    `Cannot read the report "${path}": ${issue?.path.join('.') || 'the document'}: ${issue?.message ?? 'not of this layout'}`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory() ?? false;
}

/** What lies at a path; null = nothing. */
function statOf(path: string): Promise<Stats | null> {
  return stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return null;
    throw unreadable(path, cause);
  });
}
