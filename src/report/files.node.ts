import { join } from 'node:path';
import { OutputError } from '../errors/errors.ts';
import { reasonOf, writeFiles } from '../files/atomic.node.ts';
import { pageWith } from './page.node.ts';
import type { Report } from './report.ts';
import type { SweepReport } from './sweep-report.ts';

/** What {@link writeReport} writes into a folder. */
export const REPORT_FILES = ['report.json', 'report.html'] as const;

/** What {@link writeSweepReport} writes. */
export const SWEEP_FILES = ['sweep.json', 'report.html'] as const;

/** Where {@link writeReport} put its files. */
export interface ReportFiles {
  readonly json: string;
  readonly html: string;
}

/**
 * Writes `report.json` and `report.html` into a folder, see {@link writeTextFiles}.
 *
 * @throws OutputError if the folder cannot be written; what stood there before is unharmed
 */
export async function writeReport(folder: string, report: Report): Promise<ReportFiles> {
  const page = await pageWith('report', report);
  await writeTextFiles(folder, { 'report.json': reportText(report), 'report.html': page });
  return { json: join(folder, 'report.json'), html: join(folder, 'report.html') };
}

/**
 * Writes `sweep.json` and `report.html` into a folder, see {@link writeTextFiles}.
 *
 * @throws OutputError if the folder cannot be written; what stood there before is unharmed
 */
export async function writeSweepReport(folder: string, sweep: SweepReport): Promise<ReportFiles> {
  const page = await pageWith('report', sweep);
  await writeTextFiles(folder, { 'sweep.json': `${JSON.stringify(sweep, null, 2)}\n`, 'report.html': page });
  return { json: join(folder, 'sweep.json'), html: join(folder, 'report.html') };
}

/**
 * Writes files into a folder, which is made if need be: all are complete on disk under other names before the first
 * takes its place, so that no reader ever sees a part.
 *
 * @param texts  by file name
 * @throws OutputError if the folder cannot be written; what stood there before is unharmed
 */
export async function writeTextFiles(folder: string, texts: Readonly<Record<string, string>>): Promise<void> {
  try {
    await writeFiles(folder, texts);
  } catch (cause) {
    const message = `Cannot write the report to "${folder}": ${reasonOf(cause)}`;
    throw new OutputError(message, { fields: { folder }, cause });
  }
}

/** The report as the file holds it: two spaces of indentation, a line feed at the end. */
export function reportText(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
