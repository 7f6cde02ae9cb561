import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { devNull } from 'node:os';

/** What a call of the system fails with. */
export const CODES = ['ENOSPC', 'EIO', 'EACCES', 'EMFILE'] as const;
/** See {@link CODES}. */
export type Code = (typeof CODES)[number];

/** Node's words for them, as its errors have them. */
const WORDS: Readonly<Record<Code, readonly [number: number, words: string]>> = {
  ENOSPC: [-28, 'no space left on device'],
  EIO: [-5, 'i/o error'],
  EACCES: [-13, 'permission denied'],
  EMFILE: [-24, 'too many open files'],
};

/** Which calls fail. */
export interface Fault {
  /** The call, counted from 1; Infinity = none, they are counted only. */
  readonly at: number;
  readonly code: Code;
  /** Whether all calls behind it fail too. */
  readonly stays: boolean;
}

/** What the calls came to. */
export interface Called {
  readonly calls: number;
  /** The first one that failed; null where none did. */
  readonly failed: { readonly call: string; readonly path: string | null } | null;
}

/** Calls of the file system, by the name of the system's own. */
const CALLS: Readonly<Record<string, string>> = {
  open: 'open',
  read: 'read',
  write: 'write',
  writev: 'write',
  close: 'close',
  stat: 'stat',
  lstat: 'lstat',
  fstat: 'fstat',
  mkdir: 'mkdir',
  readdir: 'scandir',
  readFile: 'open',
  writeFile: 'open',
  rename: 'rename',
  rm: 'rm',
  unlink: 'unlink',
  fsync: 'fsync',
  sync: 'fsync',
  datasync: 'fsync',
  realpath: 'realpath',
  readlink: 'readlink',
  link: 'link',
  copyFile: 'copyfile',
};

let armed: { fault: Fault; calls: number; failed: Called['failed'] } | null = null;

/** The error that this call fails with; null where it goes through. */
function failing(name: string, first: unknown): NodeJS.ErrnoException | null {
  if (armed === null) return null;
  const at = ++armed.calls;
  const { fault } = armed;
  if (at !== fault.at && !(fault.stays && at > fault.at)) return null;
  const call = CALLS[name] as string;
  const path = typeof first === 'string' || first instanceof URL ? String(first) : null;
  armed.failed ??= { call, path };
  const [errno, words] = WORDS[fault.code];
  const message = `${fault.code}: ${words}, ${call}${path === null ? '' : ` '${path}'`}`;
  return Object.assign(new Error(message), { errno, code: fault.code, syscall: call, ...(path && { path }) });
}

type Call = (...given: unknown[]) => unknown;
type Calls = Record<string, Call | undefined>;

/** What is open is closed all the same: the system does so too. */
const isClose = (name: string): boolean => name === 'close';

function wrapSync(from: Calls, name: string): void {
  const own = from[`${name}Sync`];
  if (own === undefined) return;
  from[`${name}Sync`] = function (this: unknown, ...given: unknown[]) {
    const error = failing(name, given[0]);
    if (error === null) return own.apply(this, given);
    if (isClose(name)) own.apply(this, given);
    throw error;
  };
}

function wrapCallback(from: Calls, name: string): void {
  const own = from[name];
  if (own === undefined) return;
  from[name] = function (this: unknown, ...given: unknown[]) {
    const error = failing(name, given[0]);
    const answer = given.at(-1);
    if (error === null || typeof answer !== 'function') return own.apply(this, given);
    if (isClose(name)) return own.call(this, given[0], () => answer(error));
    process.nextTick(() => answer(error));
  };
}

function wrapPromise(from: Calls, name: string): void {
  const own = from[name];
  if (own === undefined) return;
  from[name] = async function (this: unknown, ...given: unknown[]) {
    const error = failing(name, given[0]);
    if (error === null) return own.apply(this, given);
    if (isClose(name)) await own.apply(this, given);
    throw error;
  };
}

let installed: Promise<void> | undefined;

/** Puts itself before the calls of Node's file system, once for the process: sync ones, with callbacks, of promises and of open files. */
export function install(): Promise<void> {
  installed ??= (async () => {
    const handle = await promises.open(devNull, 'r');
    const Handle = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    for (const name of Object.keys(CALLS)) {
      wrapSync(fs as unknown as Calls, name);
      if (name !== 'sync') wrapCallback(fs as unknown as Calls, name);
      wrapPromise(promises as unknown as Calls, name);
    }
    for (const name of ['read', 'write', 'writev', 'close', 'stat', 'sync', 'datasync', 'readFile'])
      wrapPromise(Handle as unknown as Calls, name);
    syncBuiltinESMExports();
  })();
  return installed;
}

/** Does something while calls fail. @returns what it gave, and how many calls it made */
export async function during<T>(fault: Fault, work: () => Promise<T>): Promise<{ result: T; called: Called }> {
  await install();
  const own = { fault, calls: 0, failed: null as Called['failed'] };
  armed = own;
  try {
    const result = await work();
    return { result, called: { calls: own.calls, failed: own.failed } };
  } finally {
    armed = null;
  }
}
