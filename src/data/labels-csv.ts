import { DataError } from '../errors/errors.ts';

/** One line of a labels file. */
export interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

/**
 * Reads a labels.csv: a header with the columns `file` and `label` (others are ignored, any order), then a line for
 * each picture. Values may stand in double quotes.
 *
 * @param name  of the file, for messages
 * @throws DataError  if a column is missing, a line has another number of values, a label is not a whole number, or a
 *                    path leads out of the folder
 */
export function parseLabelsCsv(text: string, name: string): LabelledFile[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const header = splitLine(lines[0] ?? '').map((column) => column.trim().toLowerCase());
  const [file, label] = [header.indexOf('file'), header.indexOf('label')];
  if (file < 0 || label < 0) {
    throw new DataError(`Cannot read "${name}": wanted a first line with the columns file,label, got "${lines[0]}"`);
  }
  const rows: LabelledFile[] = [];
  lines.forEach((line, i) => {
    if (i === 0 || line.trim() === '') return;
    const values = splitLine(line);
    if (values.length !== header.length) {
      throw new DataError(`Cannot read "${name}": line ${i + 1} has ${values.length} values, wanted ${header.length}`);
    }
    rows.push({
      file: insideFolder(values[file] as string, `${name}, line ${i + 1}`),
      label: wholeNumber(values[label] as string, `${name}, line ${i + 1}`),
    });
  });
  return rows;
}

/** Comma-separated values; quotes protect commas, doubled quotes stand for one. */
function splitLine(line: string): string[] {
  return [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain as string),
  );
}

function insideFolder(path: string, where: string): string {
  const parts = path.trim().split(/[\\/]/);
  if (path.trim() !== '' && parts[0] !== '' && !parts.includes('..')) return path.trim();
  throw new DataError(`Cannot read "${where}": wanted the path of a picture inside the folder, got "${path}"`);
}

function wholeNumber(text: string, where: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && Math.abs(value) < 2 ** 31) return value;
  throw new DataError(`Cannot read "${where}": wanted a whole number as label, got "${text}"`);
}
