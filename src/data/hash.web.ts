import { DataError } from '../errors/errors.ts';
import type { RowSource } from './rows.ts';

/**
 * SHA-256 (hex) of everything that identifies a source's rows; the same as in Node.
 *
 * @throws DataError  outside a secure context
 * Cost: all of them once more in memory.
 */
export async function hashRows(source: RowSource): Promise<string> {
  const parts: (string | Uint8Array)[] = [];
  for await (const piece of source.pieces()) parts.push(piece);
  return hashBytes(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()));
}

/** SHA-256 (hex) of bytes. @throws DataError outside a secure context */
export async function hashBytes(bytes: Uint8Array): Promise<string> {
  if (globalThis.crypto?.subtle === undefined)
    throw new DataError('Cannot hash in this page: browsers allow it over https and on localhost only');
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
