import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAIN = join(process.cwd(), 'dist', 'cli', 'main.node.js');

/** How a command ended. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  /** Milliseconds. */
  readonly took: number;
  /** Its standard error. */
  readonly said: string;
}

/** How a command is run. */
export interface Ran {
  /** Its working folder. */
  readonly folder: string;
  /** The program in the place of this one's Node. */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A signal, so many milliseconds behind its start. */
  readonly kill?: { readonly signal: NodeJS.Signals; readonly after: number };
}

/** Runs the built command line in a process of its own. */
export function command(
  argv: readonly string[],
  { folder, node = process.execPath, env = {}, kill }: Ran,
): Promise<Ended> {
  const started = performance.now();
  const child: ChildProcess = spawn(node, [MAIN, ...argv], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  const timer = kill && setTimeout(() => child.kill(kill.signal), kill.after);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, took: performance.now() - started, said });
    });
  });
}

/** The last line of what a command said. */
export function lastLine({ said }: Ended): string {
  return said.trim().split('\n').at(-1) ?? '';
}

/** All files below a folder, by their paths in it. */
export function contents(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' }).filter((file) =>
    file.isFile(),
  );
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path)];
    }),
  );
}

/** The compiled sources look for the pages in the build beside them. */
export function preparePages(): void {
  const built = join(process.cwd(), 'dist', 'pages');
  const place = join(process.cwd(), 'out', 'campaign', 'dist', 'pages');
  if (!existsSync(place) && existsSync(built)) cpSync(built, place, { recursive: true });
}
