import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** Before any test: the pages of web/ are built where their sources changed, so that reports can be written. */
export default function setup(): void {
  execFileSync(process.execPath, [resolve(import.meta.dirname, '../scripts/build-pages.mjs')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
