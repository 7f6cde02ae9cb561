import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** What tells the studio's own runs from what somebody else put into their folder: a secret of the user, which lies elsewhere. */
export interface StudioKey {
  /** Of a text, for this purpose alone. */
  seal(purpose: string, text: string): string;
  /** Whether a seal is of that text. */
  isSealed(purpose: string, text: string, seal: string): boolean;
}

/** A key from its secret. */
export function studioKey(secret: string): StudioKey {
  const seal = (purpose: string, text: string): string =>
    createHmac('sha256', secret).update(`${purpose}\0${text}`).digest('hex');
  return {
    seal,
    isSealed: (purpose, text, given) => {
      const [a, b] = [Buffer.from(given), Buffer.from(seal(purpose, text))];
      return a.length === b.length && timingSafeEqual(a, b);
    },
  };
}

/** Where the secret of this user lies. */
export function keyFile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const state = env.XDG_STATE_HOME || env.LOCALAPPDATA || join(homedir(), '.local', 'state');
  return join(state, 'coppice', 'studio-key');
}

/**
 * The user's key, made where there is none yet.
 *
 * @returns  null where it can be neither read nor kept, or others may read it
 */
export function openStudioKey(path: string = keyFile()): StudioKey | null {
  const secret = readSecret(path) ?? makeSecret(path) ?? readSecret(path); // another studio may have made it meanwhile
  return secret === null ? null : studioKey(secret);
}

function readSecret(path: string): string | null {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const found = fstatSync(file);
    const isPrivate = process.platform === 'win32' || ((found.mode & 0o077) === 0 && found.uid === process.getuid?.());
    const text = found.isFile() && isPrivate ? readFileSync(file, 'utf8') : '';
    return /^[0-9a-f]{64}$/.test(text) ? text : null;
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function makeSecret(path: string): string | null {
  const secret = randomBytes(32).toString('hex');
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, secret, { flag: 'wx', mode: 0o600 });
    return secret;
  } catch {
    return null;
  }
}
