import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { CHROMIUM, isTooWide, openBrowser, seriousFindings, troubleOf } from './browser.ts';
import { cli, Folder } from './cli-harness.ts';
import { SHARED_MODELS } from './shared-models.ts';

const TESTS = join(process.env.COPPICE_DATA ?? join(homedir(), '.cache/coppice-data'), 'cifar10/test_batch.bin');
const RESNET = join(SHARED_MODELS, 'resnet20-cifar10.onnx');
const isThere = CHROMIUM !== undefined && existsSync(RESNET) && existsSync(TESTS);
const folder = new Folder();
afterAll(() => folder.remove());

describe.skipIf(!isThere)('the page of a sweep of ResNet-20 (needs chromium, the shared models and CIFAR-10)', () => {
  it('is below 1.5 MB, loads nothing and has nothing serious by axe-core', async () => {
    const report = folder.at('sweep');
    const normal = ['--scale', '1/255', '--mean', '0.4914,0.4822,0.4465', '--std', '0.2023,0.1994,0.2010'];
    const asked = ['--methods', 'magnitude', '--sparsity', '0.5,0.9', '--eval', `cifar10:${TESTS}[0:50]`];
    const { code } = await cli(['sweep', RESNET, ...asked, ...normal, '--report', report, '-q']);
    expect(code).toBe(0);
    const sweep = JSON.parse(readFileSync(join(report, 'sweep.json'), 'utf8'));
    expect(sweep.layers).toHaveLength(22);
    expect(sweep.cells.every((cell: { bytes: number }) => cell.bytes > 0 && cell.bytes < sweep.dense.bytes)).toBe(true);
    const path = join(report, 'report.html');
    expect(statSync(path).size).toBeLessThan(1_500_000);
    const browser = await openBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 390, height: 900 } });
      const { errors, requests } = troubleOf(page);
      await page.goto(pathToFileURL(path).href);
      const marks = page.getByRole('group', { name: /^Accuracy against compressed size/ }).locator('[data-key]');
      expect(await marks.count()).toBe(2);
      expect(await seriousFindings(page)).toEqual([]);
      expect(await isTooWide(page)).toBe(false);
      expect([errors, requests]).toEqual([[], [pathToFileURL(path).href]]);
    } finally {
      await browser.close();
    }
  }, 120_000);
});
