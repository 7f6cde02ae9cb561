// Pictures of every page, to be looked at: node scripts/screenshots.mjs [--runs FOLDER] [--only TEXT] [--out out/screenshots]
// 1440 and 390 pixels wide, light and dark; wide ones also as readers without red or green see them, and as they are printed.
// Without --runs the runs are made of the example, which takes about a minute. Needs npm run build, and chromium.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { Runs } from '../dist/cli/studio/runs.node.js';
import { startStudio } from '../dist/cli/studio/server.node.js';
import { studioKey } from '../dist/cli/studio/studio-key.node.js';
import { buildWeb } from './build-web.mjs';
import { serve } from './serve-web.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAM = join(ROOT, 'dist/cli/main.node.js');
const DIGITS = join(ROOT, 'examples/digits');
const MODEL = join(DIGITS, 'model.onnx');
const DATA = ['--data', `npz:${DIGITS}/train.npz`, '--eval', `npz:${DIGITS}/test.npz[0:500]`, '--scale', '1/255'];
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: join(ROOT, 'out/screenshots') },
  },
});
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'coppice-screenshots-'));
const runs = join(folder, 'runs');
const isWanted = (name) => name.includes(values.only);

/** A run of each kind. */
function makeRuns() {
  mkdirSync(runs);
  if (values.runs !== undefined) return cpSync(resolve(values.runs), runs, { recursive: true });
  const run = (name, command, args) =>
    execFileSync(process.execPath, [PROGRAM, command, MODEL, ...DATA, ...args, '--report', join(runs, name), '-q']);
  const pruned = ['-o', join(folder, 'pruned.onnx')];
  run('single', 'prune', ['--sparsity', '0.9', '--samples', '200', '--recalibrate', ...pruned]);
  run('stages', 'prune', [
    '--method',
    'chita++',
    '--stages',
    '8',
    '--samples',
    '60',
    '--sparsity',
    '0.95',
    '--no-latency',
    ...pruned,
  ]);
  run('gradual', 'prune', [
    '--gradual',
    '--prunings',
    '3',
    '--epochs',
    '6',
    '--samples',
    '100',
    '--sparsity',
    '0.95',
    ...pruned,
  ]);
  run('sweep', 'sweep', [
    '--methods',
    'magnitude,chita,falcon',
    '--sparsity',
    '0.5..0.95:0.05',
    '--samples',
    '100',
    '--latency',
  ]);
}

const browser = await chromium.launch({
  executablePath: PLACES.find((path) => path !== undefined && existsSync(path)),
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

/** Takes a page in every appearance. @param more  whether also as it is printed, and without red or green */
async function take(page, name, { more = false } = {}) {
  const shot = async (look) => {
    await page.waitForTimeout(150);
    await page.screenshot({ path: join(out, `${name}-${look}.png`), fullPage: true });
  };
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await shot(`${width}-${colorScheme}`);
    }
  }
  if (!more) return;
  await page.setViewportSize({ width: 1440, height: 900 });
  const cdp = await page.context().newCDPSession(page);
  for (const colorScheme of ['light', 'dark'])
    for (const type of ['deuteranopia', 'protanopia']) {
      await page.emulateMedia({ colorScheme });
      await cdp.send('Emulation.setEmulatedVisionDeficiency', { type });
      await shot(`${type}-${colorScheme}`);
    }
  await cdp.send('Emulation.setEmulatedVisionDeficiency', { type: 'none' });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.pdf({ path: join(out, `${name}-print.pdf`), format: 'A4', preferCSSPageSize: true });
}

async function reports() {
  for (const name of readdirSync(runs).filter((run) => isWanted(`report-${run}`))) {
    const file = join(runs, name, 'report.html');
    if (!existsSync(file)) continue;
    execFileSync(process.execPath, [PROGRAM, 'report', join(runs, name)]); // with the page of this version
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    await page.waitForTimeout(500);
    await take(page, `report-${name}`, { more: true });
    await page.close();
  }
}

async function studioPages() {
  if (!isWanted('studio')) return;
  const studio = await startStudio({ runs: new Runs(runs, [process.execPath, PROGRAM], studioKey('0'.repeat(64))) });
  const page = await browser.newPage();
  const at = async (hash, ready) => {
    await page.goto('about:blank');
    await page.goto(studio.address + hash);
    await page.locator(ready).first().waitFor();
  };
  await at('#runs', 'li.card');
  await take(page, 'studio-list');
  await at('#new', 'form');
  await page.getByLabel('Model', { exact: true }).fill(MODEL);
  await page.getByLabel('Data for the gradients').fill(`npz:${DIGITS}/train.npz`);
  await page.getByLabel('Data to judge on').fill(`npz:${DIGITS}/test.npz`);
  await page.getByLabel('Scale').fill('1/255');
  await page.getByRole('heading', { name: 'The plan' }).waitFor();
  await page.getByText('before any weight').waitFor({ timeout: 60_000 });
  await take(page, 'studio-form');
  await page.getByRole('button', { name: 'Sweep' }).click();
  await take(page, 'studio-form-sweep');
  await page.getByRole('button', { name: 'One run' }).click();
  await page.getByLabel('Method').selectOption('chita++');
  await page.getByLabel('Gradient rows').fill('60');
  await page.getByLabel('Stages').fill('400');
  await page.getByRole('button', { name: 'Start' }).click();
  await page
    .getByText(/stage [5-9] of 400/)
    .first()
    .waitFor({ timeout: 120_000 });
  await take(page, 'studio-live');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('stopped', { exact: true }).waitFor({ timeout: 60_000 });
  await take(page, 'studio-stopped');
  await at('#new', 'form');
  await page.getByLabel('Model', { exact: true }).fill(PROGRAM);
  await page.getByRole('alert').waitFor();
  await take(page, 'studio-refusal');
  const compared = readdirSync(runs).filter((name) => existsSync(join(runs, name, 'report.html')));
  await at(`#compare=${compared.join(',')}`, 'tbody tr');
  await page.waitForTimeout(500);
  await take(page, 'studio-compare');
  await studio.close();
}

async function browserPage() {
  if (!isWanted('browser')) return;
  const site = join(folder, 'site');
  await buildWeb(site);
  const { server, url } = await serve(site);
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByText(/threads? of this device|One thread/).waitFor({ timeout: 60_000 });
  await take(page, 'browser-before');
  await page.getByRole('button', { name: 'Begin with an example' }).click();
  await page.getByText('2,000 samples').waitFor({ timeout: 60_000 });
  await page.locator('main[aria-busy="false"]').waitFor({ timeout: 60_000 });
  await take(page, 'browser-given');
  await page.getByLabel('Method').selectOption('chita');
  await page.getByRole('button', { name: 'Prune', exact: true }).click();
  await page.getByRole('progressbar').waitFor();
  await page.screenshot({ path: join(out, 'browser-during-390-dark.png'), fullPage: true });
  await page.getByRole('heading', { name: '4. Result' }).waitFor({ timeout: 120_000 });
  await take(page, 'browser-after', { more: true });
  server.close();
}

try {
  makeRuns();
  await reports();
  await studioPages();
  await browserPage();
  console.log(`${readdirSync(out).length} pictures in ${out}`);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
