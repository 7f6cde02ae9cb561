// npm run bench:compare [-- COMMIT]: the solve of this working tree beside that of another commit, by turns in one run.
// Fails where the median is more than a tenth above the other's. Default: the commit of the last row that was kept.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE, interleaved, lastKept, median, outcome, ROOT } from './rows.mjs';

const TOLERANCE = 1.1;
const RUNS = 5;
const WIDTHS = [1000, 8000, 40000, 60000];
const CASES = [
  { solver: 'chita', n: 400, widths: WIDTHS, k: 33000 },
  { solver: 'chita-cd', n: 400, widths: WIDTHS, k: 33000 },
];

const commit = process.argv[2] ?? lastKept();
if (commit === null) {
  console.error('There is no kept row to compare with: give a commit, or run npm run bench first');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'coppice-compare-'));
const other = join(folder, 'other');
let slower = 0;
try {
  execFileSync('git', ['-C', ROOT, 'worktree', 'add', '--detach', other, commit], { stdio: 'ignore' });
  symlinkSync(`${ROOT}node_modules`, join(other, 'node_modules'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: other, stdio: 'inherit' });
  for (const asked of CASES) {
    const once = (dist) => () =>
      outcome(process.execPath, [`${HERE}solve-once.mjs`, JSON.stringify({ ...asked, dist })]).seconds;
    const results = interleaved({ here: once(`${ROOT}dist`), there: once(join(other, 'dist')) }, RUNS);
    const [here, there] = [median(results.here), median(results.there)];
    const failed = here > TOLERANCE * there;
    if (failed) slower++;
    console.log(
      `${asked.solver.padEnd(10)} here ${here.toFixed(3)} s, ${commit} ${there.toFixed(3)} s: ${(here / there).toFixed(2)} of it${failed ? '  SLOWER' : ''}`,
    );
  }
} finally {
  execFileSync('git', ['-C', ROOT, 'worktree', 'remove', '--force', other], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = slower === 0 ? 0 : 1;
