import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The command line of a process; null where there is none of that number, or nothing tells. */
export type CommandOf = (pid: number) => string | null;

/**
 * Whether a living process was begun with these words on its command line: numbers of processes are given again, so that a number alone
 * says nothing. Where nothing tells the command line, the process counts as another's.
 */
export function isProcessOf(pid: number, words: string, commandOf: CommandOf = commandLine): boolean {
  if (words === '' || !Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return commandOf(pid)?.includes(words) ?? false;
}

function commandLine(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return listed(pid);
  }
}

/** As `ps` prints it, where there is no /proc. */
function listed(pid: number): string | null {
  const { status, stdout } = spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout : null;
}
