import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The variable by which a process says which run it is: the studio gave it a secret that nobody else has. */
export const RUN_VARIABLE = 'COPPICE_STUDIO_RUN';

/** What a process was begun with, `NAME=value` each; null where there is none of that number, or nothing tells. */
export type EnvironmentOf = (pid: number) => string | null;

/**
 * Whether a living process was begun by the studio for a run: numbers of processes are given again, and stand in files that anybody may
 * have written, so that a number alone says nothing. Where nothing tells, the process counts as another's.
 */
export function isProcessOf(pid: number, secret: string, environmentOf: EnvironmentOf = environment): boolean {
  if (secret === '' || !Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const words = environmentOf(pid)?.split(/[\0\s]/) ?? [];
  return words.includes(`${RUN_VARIABLE}=${secret}`);
}

function environment(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return process.platform === 'linux' ? null : listed(pid);
  }
}

/** As `ps` prints it behind the command, where there is no /proc. */
function listed(pid: number): string | null {
  const { status, stdout } = spawnSync('ps', ['eww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout : null;
}
