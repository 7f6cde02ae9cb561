import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { weightDetails } from '../src/pipeline/details/weight-details.ts';
import { makeReport, type ReportFacts } from '../src/report/make-report.ts';
import { pageWith } from '../src/report/page.node.ts';
import { CHROMIUM, isTooWide, openBrowser, seriousFindings, troubleOf } from './browser.ts';
import { SAMPLE_FACTS } from './report/sample-facts.ts';
import { SAMPLE_SWEEP } from './report/sample-sweep.ts';

const HOSTILE = '"></script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\'&';

const DETAILS: NonNullable<ReportFacts['details']> = {
  weights: weightDetails([{ name: 'conv1.weight', filters: 16 }], () => [
    Float64Array.from({ length: 432 }, (_, i) => Math.sin(i)),
    Float64Array.from({ length: 432 }, (_, i) => (i % 3 === 0 ? 0 : Math.sin(i))),
  ]),
  graph: {
    nodes: [
      { op: 'input', name: 'x', layer: null, change: 'same', shape: [1, 3, 32, 32] },
      { op: 'Conv', name: 'first', layer: 'conv1.weight', change: 'sparser', shape: [1, 16, 32, 32] },
      { op: 'output', name: 'y', layer: null, change: 'same', shape: null },
    ],
    edges: [
      [0, 1],
      [1, 2],
    ],
  },
  flips: { rows: 10, lost: 1, won: 0, other: 0, examples: [{ row: 3, label: 1, before: 1, after: 2, png: null }] },
};

const LOOKS = [
  [1440, 'light'],
  [1440, 'dark'],
  [390, 'light'],
  [390, 'dark'],
] as const;

describe('the page of a report as a file', () => {
  it('allows its own script by hash, and nothing else', async () => {
    const page = await pageWith('report', makeReport(SAMPLE_FACTS));
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    expect(policy).toMatch(/^default-src 'none'; /);
    expect(policy).toMatch(/script-src 'sha256-[^']+'/);
    expect(policy).not.toContain('unsafe');
    const shell = page.replace(/(<script[^>]*>)[\s\S]*?(<\/script>)/g, '$1$2');
    expect(shell).not.toMatch(/<(link|img|iframe|object|embed)\b|\bsrc="|@import|url\(/i);
    expect(shell.match(/<script/g)).toHaveLength(2);
  });

  it('holds the document, in which nothing can end the element', async () => {
    const report = makeReport({ ...SAMPLE_FACTS, warnings: [HOSTILE] });
    const page = await pageWith('report', report);
    const text = /<script type="application\/json" id="document">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
    expect(JSON.parse(text)).toEqual(report);
  });

  it('is small', async () => {
    const page = await pageWith('report', makeReport(SAMPLE_FACTS));
    const script = /<script type="module"[^>]*>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? '';
    expect(page.length).toBeLessThan(300_000);
    expect(gzipSync(script, { level: 9 }).length).toBeLessThan(100_000);
  });
});

describe.skipIf(CHROMIUM === undefined)('the page of a report in a browser (needs chromium)', () => {
  let browser: Browser;
  let context: BrowserContext;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-page-'));
    browser = await openBrowser();
    context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  async function open(document: object) {
    const path = join(folder, 'report.html');
    await writeFile(path, await pageWith('report', document));
    const page = await context.newPage();
    const trouble = troubleOf(page);
    await page.goto(pathToFileURL(path).href);
    return { page, trouble };
  }

  it('fits wide and narrow, light and dark; no request leaves it, nothing fails, nothing serious by axe-core', async () => {
    const { page, trouble } = await open(makeReport(SAMPLE_FACTS));
    expect(await page.title()).toBe('small net.onnx pruned by chita++');
    for (const text of ['83.12 %', '13.7x fewer', 'Seed 1.', '66.1 kB', 'Node 20.20.2'])
      expect(await page.getByText(text).count()).toBeGreaterThan(0);
    for (const [width, colorScheme] of LOOKS) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      if ((width === 1440) !== (colorScheme === 'dark')) expect(await seriousFindings(page)).toEqual([]);
      expect(await isTooWide(page)).toBe(false);
    }
    expect(trouble.errors).toEqual([]);
    expect(trouble.requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
    await page.close();
  });

  it('runs no script that stands in a name', async () => {
    const { page } = await open(
      makeReport({
        ...SAMPLE_FACTS,
        model: { ...SAMPLE_FACTS.model, name: HOSTILE },
        layers: SAMPLE_FACTS.layers.map((layer) => ({ ...layer, name: HOSTILE, op: HOSTILE })),
        warnings: [HOSTILE],
        command: [HOSTILE],
      }),
    );
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('h1').textContent()).toBe(HOSTILE);
    await page.close();
  });

  it('leads through the marks of a chart by keyboard, and says what they are', async () => {
    const { page } = await open(makeReport(SAMPLE_FACTS));
    const figure = page.locator('figure', { hasText: 'Share of each layer' });
    await figure.getByRole('group').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    const said = figure.locator('[aria-live]');
    expect(await said.textContent()).toContain('layer1.0.conv1.weight');
    expect(await said.textContent()).toContain('Kept 34.81 %');
    await page.close();
  });

  it('saves each chart as SVG and its data as CSV', async () => {
    const { page } = await open(makeReport(SAMPLE_FACTS));
    await page.getByRole('button', { name: 'Weights', exact: true }).click();
    const saved = async (name: RegExp): Promise<string> => {
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
      const chunks: Buffer[] = [];
      for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString();
    };
    expect(await saved(/Save Weights of each layer as SVG/)).toMatch(
      /^<svg xmlns=[\s\S]*conv1\.weight[\s\S]*<\/svg>\n$/,
    );
    expect(await saved(/Save the data of Weights of each layer as CSV/)).toContain('conv1.weight,311,121\r\n');
    await page.close();
  });

  it('has the fronts of a sweep, wide and narrow, and a point can be chosen by keyboard', async () => {
    const { page, trouble } = await open(SAMPLE_SWEEP);
    expect(await page.getByRole('heading', { name: 'The chosen point: chita at 50 % zeros' }).count()).toBe(1);
    expect(await isTooWide(page)).toBe(false);
    await page.setViewportSize({ width: 390, height: 900 });
    await page.emulateMedia({ colorScheme: 'dark' });
    const chart = page.getByRole('group', { name: /^Accuracy against compressed size/ });
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    expect(await page.locator('#point').textContent()).toContain('magnitude at 90 % zeros');
    expect(await page.locator('pre.code').textContent()).toContain('--method magnitude --sparsity 0.9');
    expect(await page.locator('svg.chart .picked').count()).toBe(3);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await isTooWide(page)).toBe(false);
    expect(trouble.errors).toEqual([]);
    await page.close();
  });

  it('zooms into a chart by mouse and by keyboard, and shows all again', async () => {
    const { page } = await open(SAMPLE_SWEEP);
    const figure = page.locator('figure', { hasText: 'Accuracy against sparsity' });
    const [chart, marks] = [figure.getByRole('group'), figure.locator('[data-key]')];
    await expect.poll(() => marks.count()).toBe(4);
    const { x, y, width, height } = (await chart.boundingBox()) as {
      x: number;
      y: number;
      width: number;
      height: number;
    };
    await page.mouse.move(x + 0.6 * width, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + 0.8 * width, y + height / 2, { steps: 3 });
    await page.mouse.move(x + width, y + height / 2);
    expect(await figure.locator('.dragged').count()).toBe(1);
    await page.mouse.up();
    const budgets = () => marks.evaluateAll((all) => all.map((mark) => (mark as SVGElement).dataset.key ?? ''));
    expect((await budgets()).every((key) => key.endsWith('90 % zeros'))).toBe(true);
    const mark = (await marks.first().locator('.mark').boundingBox()) as { x: number; y: number };
    await page.mouse.move(mark.x + 8, mark.y + 8);
    expect(await figure.locator('.tip').textContent()).toContain('Sparsity 90 %');
    await chart.dblclick({ position: { x: width / 2, y: height - 60 } });
    expect(await marks.count()).toBe(4);
    await chart.focus();
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    expect((await budgets()).filter((key) => !key.endsWith('50 % zeros'))).toEqual([]);
    for (let i = 0; i < 8; i++) await page.keyboard.press('Shift+ArrowRight');
    expect((await budgets()).filter((key) => !key.endsWith('90 % zeros'))).toEqual([]);
    expect(await marks.count()).toBe(2);
    await figure.getByRole('button', { name: /^Show all of/ }).waitFor();
    await page.keyboard.press('Escape');
    expect(await marks.count()).toBe(4);
    await page.close();
  });

  it('takes series out of a chart, and brings them back, by mouse and by keyboard', async () => {
    const { page } = await open(SAMPLE_SWEEP);
    const figure = page.locator('figure', { hasText: 'Accuracy against sparsity' });
    const legend = figure.getByRole('button', { name: 'magnitude' });
    expect(await legend.getAttribute('aria-pressed')).toBe('true');
    await legend.click();
    expect(await legend.getAttribute('aria-pressed')).toBe('false');
    expect(await figure.locator('[data-key]').count()).toBe(2);
    expect(await figure.locator('[data-key^=magnitude]').count()).toBe(0);
    await legend.focus();
    await page.keyboard.press('Space');
    expect(await figure.locator('[data-key^=magnitude]').count()).toBe(2);
    await page.close();
  });

  it('keeps the middle of the graph in a window of another width, also after it was not shown', async () => {
    const { page } = await open(makeReport({ ...SAMPLE_FACTS, details: DETAILS }));
    await page.locator('.pane .node').first().waitFor();
    /** Pixels from the middle of the pane to that of its first node. */
    const offset = (): Promise<number> =>
      page.evaluate(() => {
        const middleOf = (query: string): number => {
          const { left, right } = (document.querySelector(query) as Element).getBoundingClientRect();
          return (left + right) / 2;
        };
        return Math.round(Math.abs(middleOf('.pane .node rect') - middleOf('.pane')));
      });
    const before = await offset();
    const show = (shown: boolean): Promise<void> =>
      page.evaluate((now) => {
        (document.querySelector('.pane') as HTMLElement).style.display = now ? '' : 'none';
        return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)));
      }, shown);
    for (const width of [390, 1440]) {
      await show(false);
      await page.setViewportSize({ width, height: 900 });
      await show(true);
      expect([width, await offset()]).toEqual([width, before]);
    }
    await page.close();
  });

  it('finds nodes of the graph by name', async () => {
    const { page } = await open(makeReport({ ...SAMPLE_FACTS, details: DETAILS }));
    await page.getByRole('searchbox').fill('conv1');
    await page.locator('.node.hit').first().waitFor();
    expect(await page.getByText(/^1 of 1$/).count()).toBe(1);
    expect(await page.locator('.about').textContent()).toContain('reads conv1.weight: 28.0 % of 432 weights removed');
    expect(await page.locator('figure img').getAttribute('alt')).toContain('Mask of conv1.weight');
    expect(await seriousFindings(page)).toEqual([]);
    await page.close();
  });
});
