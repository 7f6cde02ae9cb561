import { readFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import type { Report } from './report.ts';

/** Name and version of this package. */
export function toolFacts(): Report['tool'] {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { name, version } = JSON.parse(text) as { name: string; version: string };
  return { name, version };
}

/** Node's version, the system and the processor. */
export function platformFacts(): Report['platform'] {
  return { node: process.versions.node, os: `${platform()} ${arch()}`, cpu: cpus()[0]?.model.trim() ?? null };
}

/** Largest resident memory of this process so far, in 10^6 bytes. */
export function peakRssMB(): number {
  return Math.round((process.resourceUsage().maxRSS * 1024) / 1e5) / 10;
}
