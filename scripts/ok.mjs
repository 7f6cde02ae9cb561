// Every check of the project, one after another; all of them run, then the failed ones are listed.
//   node scripts/ok.mjs [--skip NAME,...] [--json FILE]
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const CHECKS = [
  { name: 'format', program: 'biome', args: ['format', '.'], remedy: 'npm run format' },
  {
    name: 'lint',
    program: 'biome',
    args: ['check', '--formatter-enabled=false', '.'],
    remedy: 'npm run format, then what is left',
  },
  {
    name: 'layers',
    program: 'depcruise',
    args: ['--config', '.dependency-cruiser.cjs', '--no-progress', 'src', 'web'],
    remedy: 'the order of the rooms is in .dependency-cruiser.cjs',
  },
  { name: 'types', program: 'tsc', args: ['--noEmit', '-p', '.'], remedy: 'npm run types' },
  {
    name: 'pages',
    program: 'svelte-check',
    args: ['--tsconfig', 'web/tsconfig.json', '--fail-on-warnings', '--output', 'human'],
    remedy: 'npm run types',
  },
  { name: 'docs', script: 'scripts/docstrings.mjs', args: [], remedy: 'give every export a docstring' },
  { name: 'tests', program: 'vitest', args: ['run'], remedy: 'npm test' },
];

/** The lines at the end of a failed check's output that are worth reading. */
const SHOWN_LINES = 60;

function commandOf(check) {
  if (check.script !== undefined) return [process.execPath, [check.script, ...check.args]];
  return [`node_modules/.bin/${check.program}`, check.args];
}

function run(check) {
  const start = performance.now();
  const [command, args] = commandOf(check);
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
    shell: process.platform === 'win32',
  });
  const seconds = (performance.now() - start) / 1000;
  const ok = result.status === 0;
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim();
  console.log(`${ok ? 'ok    ' : 'FAILED'}  ${check.name.padEnd(8)}${seconds.toFixed(1).padStart(6)} s`);
  if (!ok) console.log(output.split('\n').slice(-SHOWN_LINES).join('\n'));
  return { name: check.name, ok, seconds, remedy: check.remedy };
}

const { values } = parseArgs({ options: { skip: { type: 'string', default: '' }, json: { type: 'string' } } });
const skipped = new Set(values.skip.split(',').filter((name) => name !== ''));
const unknown = [...skipped].filter((name) => !CHECKS.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`--skip knows ${CHECKS.map((check) => check.name).join(', ')}; got ${unknown.join(', ')}`);
  process.exit(2);
}

const results = CHECKS.filter((check) => !skipped.has(check.name)).map(run);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results));
const failed = results.filter((result) => !result.ok);
const total = results.reduce((sum, result) => sum + result.seconds, 0).toFixed(1);
if (failed.length === 0) {
  console.log(`all ${results.length} checks passed in ${total} s`);
} else {
  console.log(`\n${failed.length} of ${results.length} checks failed (${total} s):`);
  for (const { name, remedy } of failed) console.log(`  ${name}: ${remedy}`);
  process.exitCode = 1;
}
