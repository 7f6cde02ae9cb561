// Adds up checks, extra steps and Vitest's JSON report into the last line of a CI run, "N passed, N failed":
//   node scripts/count-tests.mjs --checks FILE --tests FILE --passed N --failed N
// A report that is missing or cannot be read counts as one failure; so does a test file that failed to load.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const NOTHING = { passed: 0, failed: 0, skipped: 0 };

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

function countChecks(checks) {
  if (!Array.isArray(checks)) return { ...NOTHING, failed: 1 };
  const passed = checks.filter((check) => check.ok).length;
  return { ...NOTHING, passed, failed: checks.length - passed };
}

function countTests(report) {
  if (!Array.isArray(report?.testResults)) return { ...NOTHING, failed: 1 };
  const count = { ...NOTHING };
  for (const file of report.testResults) {
    const statuses = file.assertionResults.map((result) => result.status);
    count.passed += statuses.filter((status) => status === 'passed').length;
    const failed = statuses.filter((status) => status === 'failed').length;
    count.failed += failed === 0 && file.status === 'failed' ? 1 : failed;
    count.skipped += statuses.filter((status) => ['pending', 'skipped', 'todo', 'disabled'].includes(status)).length;
  }
  if (count.failed === 0 && report.success === false) count.failed = 1;
  return count;
}

const number = { type: 'string', default: '0' };
const options = { checks: { type: 'string' }, tests: { type: 'string' }, passed: number, failed: number };
const { values } = parseArgs({ options });
const parts = [
  countChecks(read(values.checks)),
  countTests(read(values.tests)),
  { ...NOTHING, passed: Number(values.passed), failed: Number(values.failed) },
];
const sum = (key) => parts.reduce((total, part) => total + part[key], 0);
if (sum('skipped') > 0) console.log(`${sum('skipped')} skipped by name`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
if (sum('failed') > 0) process.exitCode = 1;
