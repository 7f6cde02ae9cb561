import { createHash } from 'node:crypto';
import type { RowSource } from './rows.ts';

/** SHA-256 (hex) of everything that identifies a source's rows. Cost: reads all of them; about 1 s a gigabyte. */
export async function hashRows(source: RowSource): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of source.pieces()) hash.update(piece);
  return hash.digest('hex');
}

/** SHA-256 (hex) of bytes. */
export async function hashBytes(bytes: Uint8Array): Promise<string> {
  return createHash('sha256').update(bytes).digest('hex');
}
