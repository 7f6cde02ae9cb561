import { createHmac, timingSafeEqual } from 'node:crypto';

/** A page that lies in the folder of a run. */
export interface DocumentName {
  readonly id: string;
  readonly name: string;
}

const NAME = '[A-Za-z0-9][A-Za-z0-9._-]*';
const ADDRESS = new RegExp(`^/document/([0-9a-f]{64})/(${NAME})/(${NAME})$`);

/**
 * What the browser is told of such a page: it may run its own script, be saved from, and nothing else. It has an origin of its
 * own, so that it can ask the studio for nothing, whoever wrote it.
 */
export const DOCUMENT_POLICY =
  "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** The address of a page of a run without the studio's token in it, which a page can read of its own address. */
export function documentAddress(token: string, { id, name }: DocumentName): string {
  return `/document/${signature(token, { id, name })}/${id}/${name}`;
}

/** The page that an address names; null if the address was not made with this token. */
export function documentAt(token: string, path: string): DocumentName | null {
  const [, given = '', id = '', name = ''] = ADDRESS.exec(path) ?? [];
  if (given === '') return null;
  const wanted = signature(token, { id, name });
  return timingSafeEqual(Buffer.from(given), Buffer.from(wanted)) ? { id, name } : null;
}

function signature(token: string, { id, name }: DocumentName): string {
  return createHmac('sha256', token).update(`${id}/${name}`).digest('hex');
}
