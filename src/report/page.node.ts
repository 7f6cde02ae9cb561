import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { OutputError } from '../errors/errors.ts';
import { codeOf, reasonOf } from '../files/reason.ts';

/** Where the build puts the pages: beside the program, whether that runs compiled or from its sources. */
const PAGES = new URL('../../dist/pages/', import.meta.url);

/** The place of the document in a built page. */
const PLACE = /(<script type="application\/json" id="document">)(<\/script>)/;

/**
 * A page of the build with a document in it: one file that loads nothing.
 *
 * @param name      of the page: `report`
 * @param document  what the page shows, as plain data
 * @throws OutputError if the pages were not built
 */
export async function pageWith(name: string, document: object): Promise<string> {
  const page = await readPage(name);
  return page.replace(PLACE, (_, open: string, close: string) => open + scriptSafe(document) + close);
}

/** A page of the build. @throws OutputError if the pages were not built */
export async function readPage(name: string): Promise<string> {
  const path = new URL(`${name}.html`, PAGES);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = codeOf(cause) === 'ENOENT';
    const why = isMissing ? 'is not there; run npm run build' : `cannot be read: ${reasonOf(cause, 'read')}`;
    throw new OutputError(`Cannot make the page "${name}": ${fileURLToPath(path)} ${why}`, { cause });
  }
}

/** JSON that cannot end the element that it stands in. */
function scriptSafe(document: object): string {
  return JSON.stringify(document).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028');
}
