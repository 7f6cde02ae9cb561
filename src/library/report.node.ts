import { fileURLToPath } from 'node:url';
import { having, shown } from '../errors/arguments.ts';
import { OptionError } from '../errors/errors.ts';
import type { ReportFiles } from '../report/files.node.ts';
import type { Report } from '../report/report.ts';
import { checkPlace } from './checks.ts';

export type { ReportFiles } from '../report/files.node.ts';

/**
 * Writes `report.json` and `report.html` into a folder, which is made if need be; both are complete before the first takes its place.
 *
 * @throws OutputError if the folder cannot be written; what stood there before is unharmed
 */
export async function writeReport(folder: string | URL, report: Report): Promise<ReportFiles> {
  checkPlace('write the report', folder);
  const wanted = having('a report, which prune() gives', 'schema', 'asked', 'layers', 'stages')(report);
  if (wanted !== null) throw new OptionError(`Cannot write the report: wanted ${wanted}; got ${shown(report)}`);
  const { writeReport: write } = await import('../report/files.node.ts');
  return write(typeof folder === 'string' ? folder : fileURLToPath(folder), report);
}
