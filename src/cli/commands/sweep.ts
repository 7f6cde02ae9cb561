import type { Command } from 'commander';
export function define(_c: Command): void {}
export async function act(): Promise<number> {
  return 0;
}
