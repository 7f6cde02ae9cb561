import { totalmem } from 'node:os';

/** Bytes of memory that the machine has. */
export function machineMemory(): number {
  return totalmem();
}

/** Bytes of memory that this process takes now. */
export function memoryTaken(): number {
  return process.memoryUsage.rss();
}
