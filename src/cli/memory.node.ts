import { totalmem } from 'node:os';

/** Bytes of memory that the machine has. */
export function machineMemory(): number {
  return totalmem();
}
