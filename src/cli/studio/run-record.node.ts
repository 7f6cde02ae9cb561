import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { openPlain, replaceText } from './plain-files.node.ts';
import { isProcessOf } from './processes.node.ts';
import { keptRequestSchema, STUDIO_SCHEMA } from './schema.ts';
import type { StudioKey } from './studio-key.node.ts';

/** What the studio keeps of a run beside its events and its results. */
const recordSchema = z.object({
  schema: z.literal(STUDIO_SCHEMA),
  name: z.string(),
  created: z.number(),
  request: keptRequestSchema,
  arguments: z.array(z.string()),
  pid: z.number().int().nullable(),
  /** Another for each process: with the key it gives the secret that the process is begun with. */
  nonce: z.string().default(''),
});

/** See {@link recordSchema}. */
export type RunRecord = z.infer<typeof recordSchema>;

/** A record as it was found. */
export interface FoundRecord extends RunRecord {
  /** Whether this studio wrote it, for this folder: anybody can write a file. Others are shown, and nothing is done by them. */
  readonly isOwn: boolean;
}

const RECORD = 'studio.json';
/** Longer ones are none of ours. */
const MOST_BYTES = 1 << 20;
const SEAL = /^\{"seal":"([0-9a-f]{64})",/;

/** The record of a folder; null where there is none, or it is of another version. */
export async function readRecord(folder: string, key: StudioKey): Promise<FoundRecord | null> {
  const file = await openPlain(join(folder, RECORD));
  if (file === null) return null;
  try {
    if ((await file.stat()).size > MOST_BYTES) return null;
    const text = await file.readFile('utf8');
    const [start = '', seal = ''] = SEAL.exec(text) ?? [];
    const isOwn = seal !== '' && key.isSealed('record', sealedText(folder, text.slice(start.length)), seal);
    return { ...recordSchema.parse(JSON.parse(text)), isOwn };
  } catch {
    return null; // half-written, or of another version: the folder may still hold a report
  } finally {
    await file.close();
  }
}

/** Writes the record of a folder, with a seal in front. */
export async function writeRecord(folder: string, record: RunRecord, key: StudioKey): Promise<void> {
  const rest = `${JSON.stringify(recordSchema.parse(record), null, 2).slice(1)}\n`;
  const seal = key.seal('record', sealedText(folder, rest));
  await replaceText(join(folder, RECORD), `{"seal":"${seal}",${rest}`);
}

/** What is sealed: the record of one folder is none of another. */
function sealedText(folder: string, rest: string): string {
  return `${basename(folder)}\0${rest}`;
}

/** What a new process of a run is known by. */
export function newNonce(): string {
  return randomBytes(16).toString('hex');
}

/** The secret that the process of a run is begun with. */
export function secretOf(folder: string, nonce: string, key: StudioKey): string {
  return key.seal('process', sealedText(folder, nonce));
}

/** Whether the process of a run lives, and is the one that the studio began. */
export function isRunning(folder: string, { pid, nonce, isOwn }: FoundRecord, key: StudioKey): boolean {
  return isOwn && nonce !== '' && pid !== null && isProcessOf(pid, secretOf(folder, nonce, key));
}
