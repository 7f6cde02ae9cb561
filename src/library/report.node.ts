import { fileURLToPath } from 'node:url';
import type { ReportFiles } from '../report/files.node.ts';
import type { Report } from '../report/report.ts';

export type { ReportFiles } from '../report/files.node.ts';

/**
 * Writes `report.json` and `report.html` into a folder, which is made if need be; both are complete before the first takes its place.
 *
 * @throws OutputError if the folder cannot be written; what stood there before is unharmed
 */
export async function writeReport(folder: string | URL, report: Report): Promise<ReportFiles> {
  const { writeReport: write } = await import('../report/files.node.ts');
  return write(typeof folder === 'string' ? folder : fileURLToPath(folder), report);
}
