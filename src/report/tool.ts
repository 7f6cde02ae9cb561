import type { Report } from './report.ts';

/** Name and version of this package, where no file says them. */
export const TOOL: Report['tool'] = { name: 'coppice', version: '0.1.0' };
