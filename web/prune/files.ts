import type { GivenFile } from '../../src/coppice.web.ts';

/** A folder of so many files is listed; more are left out, and that is said. */
const MOST_FILES = 200_000;

/** The files of an input, with their folders where a folder was chosen. */
export function filesOfInput(list: FileList | null): GivenFile[] {
  return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
}

/** What was dropped, folders gone through. */
export async function filesOfDrop(transfer: DataTransfer): Promise<GivenFile[]> {
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  const found: GivenFile[] = [];
  for (const entry of entries) await walk(entry, '', found);
  return found;
}

async function walk(entry: FileSystemEntry, folder: string, found: GivenFile[]): Promise<void> {
  if (found.length >= MOST_FILES) return;
  const path = folder + entry.name;
  if (entry.isFile) found.push({ path, blob: await fileOf(entry as FileSystemFileEntry) });
  else for await (const inner of listing(entry as FileSystemDirectoryEntry)) await walk(inner, `${path}/`, found);
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** Browsers list folders a hundred entries at a time. */
async function* listing(folder: FileSystemDirectoryEntry): AsyncGenerator<FileSystemEntry> {
  const reader = folder.createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    yield* some;
  }
}

/** Files that were given, in a few words: `a.npz`, `photos (120 files)`. */
export function describeFiles(files: readonly GivenFile[]): string {
  const [first] = files;
  if (first === undefined) return 'no file';
  if (files.length === 1) return first.path;
  const folder = first.path.split('/')[0] as string;
  const isFolder = files.every(({ path }) => path.startsWith(`${folder}/`));
  if (isFolder) return `${folder} (${files.length} files)`;
  return files.length <= 3 ? files.map(({ path }) => path).join(', ') : `${first.path} and ${files.length - 1} more`;
}
