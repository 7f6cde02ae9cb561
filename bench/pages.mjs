// Milliseconds from an event to the paint that follows it, on pages with large content: node bench/pages.mjs [ROUNDS]
// A report of 110 layers, a sweep of 200 points, the studio's form with that model. Needs chromium.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { Runs } from '../dist/cli/studio/runs.node.js';
import { startStudio } from '../dist/cli/studio/server.node.js';
import { studioKey } from '../dist/cli/studio/studio-key.node.js';
import { encodeModel } from '../dist/onnx/encode.js';
import { pageWith } from '../dist/report/page.node.js';
import { bigModel, bigReport, bigSweep } from './page-cases.mjs';
import { median } from './rows.mjs';

const ROUNDS = Number(process.argv[2] ?? 5);
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const browser = await chromium.launch({
  executablePath: PLACES.find((path) => path !== undefined && existsSync(path)),
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const folder = mkdtempSync(join(tmpdir(), 'coppice-bench-pages-'));

/** What a page can be asked to do: in the page's own words, so that nothing of the tester's is timed. */
const ACTIONS = `window.paintAfter = (act) => new Promise((done) => {
  const start = performance.now();
  act();
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => done(performance.now() - start);
    port2.postMessage(0);
  });
});
window.button = (text) => [...document.querySelectorAll('button')].find((b) => b.textContent.trim() === text);
window.enter = (element, value) => { element.value = value; element.dispatchEvent(new Event('input', { bubbles: true })); };
window.chosen = (element, value) => { element.value = value; element.dispatchEvent(new Event('change', { bubbles: true })); };
window.point = (chart, x, y) => { const b = chart.getBoundingClientRect(); const at = { clientX: b.left + x * b.width, clientY: b.top + y * b.height, bubbles: true }; document.elementFromPoint(at.clientX, at.clientY)?.dispatchEvent(new PointerEvent('pointermove', at)); };
window.pressed = (mark) => { const b = mark.querySelector('.mark').getBoundingClientRect(); const at = { clientX: b.left + b.width / 2, clientY: b.top + b.height / 2, bubbles: true, button: 0 }; for (const type of ['pointerdown', 'pointerup']) mark.dispatchEvent(new PointerEvent(type, at)); };
window.long = [];
new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });`;

/** Opens a page whose processor time is counted. */
async function open(url) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.goto(url);
  await page.evaluate(ACTIONS);
  return { page, cdp };
}

async function cpu(cdp) {
  const { metrics } = await cdp.send('Performance.getMetrics');
  return 1000 * metrics.find(({ name }) => name === 'TaskDuration').value;
}

/** Each step several times over: wall time to the next paint, and what the page's thread computed. */
async function time(name, { page, cdp }, steps) {
  const [walls, cpus] = [[], []];
  for (let round = 0; round < ROUNDS; round++)
    for (const step of steps) {
      await page.waitForTimeout(60);
      const before = await cpu(cdp);
      walls.push(await page.evaluate(`paintAfter(() => { ${step} })`));
      cpus.push((await cpu(cdp)) - before);
    }
  row(name, walls, cpus);
}

function row(name, walls, cpus) {
  const text = (list) =>
    `${median(list).toFixed(0).padStart(5)} ${Math.max(...list)
      .toFixed(0)
      .padStart(5)}`;
  console.log(`${name.padEnd(52)}${text(walls)}   ${text(cpus)}`);
}

console.log(`${''.padEnd(52)} wall   most   cpu   most   (ms, event to next paint)`);
try {
  const write = async (name, document) => {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, await pageWith('report', document));
    return pathToFileURL(path).href;
  };
  for (const [title, document] of [
    ['110 layers', bigReport(110)],
    ['1,000 nodes', bigReport(280)],
  ]) {
    const url = await write('run', document);
    const [walls, cpus] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      const { page, cdp } = await open(url);
      await page.locator('.pane .node').first().waitFor();
      const paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0");
      const longest = await page.evaluate('Math.max(0, ...window.long)');
      walls.push(longest);
      cpus.push(await cpu(cdp));
      if (round === 0) console.log(`  first paint after ${paint.toFixed(0)} ms`);
      await page.close();
    }
    row(`${title}: longest task while loading; all of it`, walls, cpus);
    const opened = await open(url);
    await opened.page.locator('.pane .node').first().waitFor();
    await time(`${title}: shares, weights, MACs`, opened, [
      "button('Weights').click()",
      "button('MACs').click()",
      "button('Shares').click()",
    ]);
    await time(`${title}: another layer's weights`, opened, ["button('Next').click()"]);
    await time(`${title}: the graph as a whole, its top`, opened, ["button('Whole').click()", "button('Top').click()"]);
    await time(`${title}: zoom of the graph`, opened, [
      'document.querySelector(\'[aria-label="Zoom in"]\').click()',
      'document.querySelector(\'[aria-label="Zoom out"]\').click()',
    ]);
    await time(`${title}: search in the graph`, opened, [
      "enter(document.querySelector('input[type=search]'), 'conv')",
      "enter(document.querySelector('input[type=search]'), 'conv9')",
      "enter(document.querySelector('input[type=search]'), '')",
    ]);
    await time(`${title}: light, dark`, opened, [
      "chosen(document.querySelector('header select'), 'dark')",
      "chosen(document.querySelector('header select'), 'light')",
    ]);
    await opened.page.close();
  }
  const sweep = await open(await write('sweep', bigSweep(200)));
  await time(
    'sweep of 200 points: pointing at a chart',
    sweep,
    [0.2, 0.4, 0.6, 0.8].map((x) => `point(document.querySelector('svg.chart'), ${x}, 0.5)`),
  );
  await time(
    'sweep of 200 points: another point is chosen',
    sweep,
    [5, 90, 150].map((i) => `pressed(document.querySelectorAll('[data-key]')[${i}])`),
  );
  const chart = "document.querySelector('.box')";
  const key = (name) => `${chart}.dispatchEvent(new KeyboardEvent('keydown', { key: '${name}', bubbles: true }))`;
  await time('sweep of 200 points: zoom, all again', sweep, [key('+'), key('+'), key('Escape')]);
  const series = "document.querySelector('figure ul button').click()";
  await time('sweep of 200 points: a series goes and comes', sweep, [series, series]);
  await sweep.page.close();

  const place = join(folder, 'runs');
  mkdirSync(place);
  const model = join(folder, 'big.onnx');
  writeFileSync(model, encodeModel(bigModel(110)));
  const studio = await startStudio({ runs: new Runs(place, ['true'], studioKey('0'.repeat(64))) });
  const form = await open(`${studio.address}#new`);
  const start = performance.now();
  await form.page.getByLabel('Model', { exact: true }).fill(model);
  await form.page.getByRole('heading', { name: 'The plan' }).waitFor({ timeout: 120_000 });
  console.log(
    `  the plan of 110 layers is there ${(performance.now() - start).toFixed(0)} ms after the model was named`,
  );
  await time(
    'studio: the slider of the budget, 110 layers',
    form,
    [0.3, 0.5, 0.71, 0.9].map((x) => `enter(document.querySelector('input[type=range]'), ${x})`),
  );
  await form.page.close();
  await studio.close();
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
