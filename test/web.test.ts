import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { npyBytes } from '../src/data/bytes.cases.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { parseNpz } from '../src/data/npz.ts';
import { openDataset } from '../src/data/open-dataset.node.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { evaluate } from '../src/evaluate/accuracy.ts';
import { findWeights } from '../src/graph/weights.ts';
import { prune } from '../src/index.ts';
import { tensorOf } from '../src/ir/access.ts';
import type { Model } from '../src/ir/model.ts';
import type { Method } from '../src/methods/list.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { readModel } from '../src/onnx/files.node.ts';
import type { Pruned } from '../src/pipeline/prune-and-report.ts';
import { percent } from '../src/report/figures.ts';
import { CHROMIUM, isTooWide, seriousFindings } from './browser.ts';
import { SHARED_MODELS } from './shared-models.ts';
import { pageFile, RUN_MS, type WebPage, WebSite } from './web-page.ts';

const DIGITS = 'examples/digits';
const MNIST = join(process.env.COPPICE_DATA ?? join(homedir(), '.cache/coppice-data'), 'mnist');
const MLPNET = join(SHARED_MODELS, 'mlpnet-mnist.onnx');
const SCALED = { scale: '1/255' } as const;

/** Which weights of a model are not zero, layer by layer. */
function masks(model: Model): Map<string, string> {
  return new Map(
    findWeights(model).prunable.map(({ name }) => {
      const values = tensorOf(model.graph.constants.get(name) as never).data as Float32Array;
      return [name, Array.from(values, (x) => (x === 0 ? '0' : '1')).join('')];
    }),
  );
}

/** The same run in Node. */
async function inNode(method: Method, samples: number): Promise<Pruned> {
  const data = { data: `npz:${DIGITS}/train.npz`, preprocess: SCALED };
  return prune(await readModel(`${DIGITS}/model.onnx`), { method, budget: sparsity(0.9), samples, ...data });
}

async function accuracyInNode(model: Model, address: string, preprocess: object): Promise<number | null> {
  const source = feedsFromDataset(model, await openDataset(address, preprocess));
  return (await evaluate(onnxruntimeNode, model, source)).accuracy;
}

describe.skipIf(CHROMIUM === undefined)('the page that prunes in the browser', { timeout: RUN_MS }, () => {
  const site = new WebSite();
  let page: WebPage;

  beforeAll(async () => {
    await site.build();
    page = await site.open();
  }, RUN_MS);
  afterAll(() => site.close());

  it('is less than 300 kB of script by gzip, without the runtime and what is loaded when it is asked for', () => {
    expect(site.sizes.script).toBeGreaterThan(10_000);
    expect(site.sizes.compiler).toBeGreaterThan(10_000);
    expect(site.sizes.compiler).toBeLessThan(60_000);
    expect(site.sizes.structured).toBeGreaterThan(5_000);
    expect(site.sizes.structured).toBeLessThan(30_000);
    expect(site.sizes.script).toBeLessThan(300_000);
  });

  it('has nothing that axe-core finds serious before anything is given, and fits', async () => {
    expect(await seriousFindings(page.page)).toEqual([]);
    await page.page.setViewportSize({ width: 390, height: 800 });
    expect(await isTooWide(page.page)).toBe(false);
  });

  it('says in one sentence what is no model', async () => {
    const whole = readFileSync(`${DIGITS}/model.onnx`);
    await page.give('a model', pageFile('page.onnx', '<!doctype html><html></html>'));
    expect(await page.alerts()).toEqual([expect.stringMatching(/^Cannot read the model "page\.onnx": .*HTML/)]);
    await page.give('a model', pageFile('cut.onnx', whole.subarray(0, 100_000)));
    expect(await page.alerts()).toEqual([expect.stringMatching(/^Cannot read the model "cut\.onnx": .*cut short/)]);
    await page.give('a model', pageFile('empty.onnx', ''));
    expect(await page.alerts()).toEqual([expect.stringMatching(/^Cannot read the model "empty\.onnx": .*empty/)]);
  });

  it('says in one sentence what is wrong with data', async () => {
    await page.give('a model', pageFile('model.onnx', readFileSync(`${DIGITS}/model.onnx`)));
    await page.give('data to learn from', pageFile('table.csv', 'a,b\n1,2\n'));
    expect(await page.alerts()).toEqual([expect.stringMatching(/^Cannot open "table\.csv": wanted npz, npy, idx/)]);
    const small = npyBytes('<f4', [2, 3], new Float32Array(6));
    await page.give('data to learn from', pageFile('small.npz', zipSync({ 'x.npy': small })));
    expect(await page.alerts()).toEqual([
      expect.stringMatching(/wants samples of shape \[1,28,28\], the data's are \[3\]/),
    ]);
  });

  it('prunes the example by CHITA as Node does: the same mask, objective and accuracy', async () => {
    const chosen = page.page.getByRole('combobox', { name: /^Method/ });
    expect(await chosen.inputValue()).toBe('magnitude');
    await page.giveExample();
    expect(await chosen.inputValue()).toBe('auto');
    expect(await page.page.getByLabel('Minutes', { exact: true }).inputValue()).toBe('2');
    const report = await page.prune({ method: 'chita', zeros: 90, options: { Samples: '100' } });
    const { model } = await page.savedModel();
    const node = await inNode('chita', 100);
    expect(masks(model)).toEqual(masks(node.model));
    const objective = node.report.objective as number;
    expect(Math.abs((report.objective as number) - objective)).toBeLessThan(1e-4 * objective);
    expect(report.data?.sha256).toBe(node.report.data?.sha256);
    expect(report.latency?.[0]?.after?.median).toBeGreaterThan(0);
    expect(report.compiled).toMatchObject({ refused: null, agreement: 1 });
    expect(report.compiled?.latency?.compiled.median).toBeGreaterThan(0);
    expect(await page.page.locator('#compiled').innerText()).toMatch(/ms a run, onnxruntime-web .* times as fast/);
    const saving = page.page.waitForEvent('download');
    await page.page.getByRole('button', { name: 'Save the compiled model' }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe('model-pruned.js');
    const text = readFileSync(await saved.path(), 'utf8');
    expect(Number(/^const text = "(.+)";$/m.exec(text)?.[1]?.length)).toBeGreaterThan(10_000);

    const kept = [...masks(model).values()].join('');
    expect(await page.tile('Weights kept')).toBe(percent((kept.match(/1/g) ?? []).length / kept.length));
    const accuracy = await accuracyInNode(model, `npz:${DIGITS}/test.npz`, SCALED);
    expect(await page.tile('Accuracy')).toBe(percent(accuracy));
  });

  it('shows samples that the two models disagree on, side by side', async () => {
    const sample = page.page.locator('.samples figure').first();
    await sample.waitFor();
    const [dense, pruned] = await sample.locator('table').all();
    const best = async (table: typeof dense) => (await table?.locator('tbody th').first().innerText())?.charAt(0);
    expect(await best(dense)).not.toBe(await best(pruned));
    const row = Number((await sample.locator('figcaption').innerText()).match(/row (\d+)/)?.[1]);
    const data = await openDataset(`npz:${DIGITS}/test.npz`);
    expect(await sample.locator('figcaption').innerText()).toContain(`is class ${data.labels?.[row]}`);
    const shown = (await sample
      .locator('canvas')
      .evaluate((canvas) =>
        Array.from((canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, 28, 28).data ?? []),
      )) as number[];
    expect(shown.filter((_, i) => i % 4 === 0)).toEqual([...(await data.batch([row])).x.data].map(Number));
  });

  it('has nothing that axe-core finds serious with a result on it, in light and dark, and fits', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.page.emulateMedia({ colorScheme });
      expect(await seriousFindings(page.page)).toEqual([]);
    }
    for (const width of [390, 1440]) {
      await page.page.setViewportSize({ width, height: 900 });
      expect(await isTooWide(page.page)).toBe(false);
    }
  });

  it('stops when told to, and goes on afterwards: by magnitude to the very bytes of Node', async () => {
    await page.page.getByRole('combobox', { name: /^Method/ }).selectOption('chita');
    await page.page.getByRole('button', { name: 'Prune', exact: true }).click();
    await page.page.getByText(/^evaluation: /).waitFor();
    await page.page.getByRole('button', { name: 'Stop' }).click();
    await page.page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
    expect(await page.alerts()).toEqual(['Stopped.']);
    await page.prune({ method: 'magnitude', zeros: 90 });
    expect(await page.alerts()).toEqual([]);
    const { bytes } = await page.savedModel();
    expect(Buffer.compare(bytes, encodeModel((await inNode('magnitude', 100)).model))).toBe(0);
  });

  it('trains by auto for as long as the form says, and to its pattern', async () => {
    await page.page.getByRole('combobox', { name: /^Method/ }).selectOption('auto');
    await page.page.getByText(/^More settings/).click();
    const options = { Minutes: '', Gradients: '1.5k', Batch: '16', Stages: '5' };
    const report = await page.prune({ method: 'auto', zeros: 80, pattern: '2:4', options });
    expect(await page.alerts()).toEqual([]);
    expect(report.asked).toMatchObject({
      method: 'auto',
      pattern: '2:4',
      options: { gradients: 1500, batch: 16, stages: 5 },
    });
    expect(report.layers.map(({ pattern }) => pattern?.violations)).toEqual(report.layers.map(() => 0));
    const { accuracy } = (await inNode('magnitude', 100)).report;
    expect(report.accuracy.before).toBeGreaterThan(0.9);
    expect(report.accuracy.after).toBeGreaterThan(accuracy.after ?? 0);
  });

  it('solves by reconstruct, and refuses in one sentence what a method cannot be given', async () => {
    await page.page.getByRole('combobox', { name: /^Method/ }).selectOption('reconstruct');
    const report = await page.prune({ method: 'reconstruct', zeros: 80, options: { Samples: '200' } });
    expect(report.asked).toMatchObject({ method: 'reconstruct', options: { samples: 200 } });
    await page.page.getByLabel('Samples', { exact: true }).fill('many');
    await page.page.getByRole('button', { name: 'Prune', exact: true }).click();
    await page.page.getByText(/samples.* a whole number above 0/).waitFor();
  });

  it('reads folders of pictures as Node does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coppice-web-pictures-'));
    try {
      const { arrays } = parseNpz(new Uint8Array(readFileSync(`${DIGITS}/test.npz`)), 'test.npz', ['x', 'y']);
      const [pixels, labels] = [arrays.get('x')?.data as Uint8Array, arrays.get('y')?.data as Uint8Array];
      for (let i = 0; i < 60; i++) {
        mkdirSync(join(folder, `class-${labels[i]}`), { recursive: true });
        await sharp(pixels.slice(784 * i, 784 * i + 784), { raw: { width: 28, height: 28, channels: 1 } })
          .png()
          .toFile(join(folder, `class-${labels[i]}`, `${i}.png`));
      }
      await page.give('data to judge on, folder', folder);
      expect(await page.alerts()).toEqual([]);
      const report = await page.prune({ method: 'magnitude', zeros: 95 });
      const { model } = await page.savedModel();
      const preprocess = { ...SCALED, channels: 'gray' } as const;
      expect(report.eval?.rows).toBe(60);
      expect(report.accuracy.after).toBe(await accuracyInNode(model, `images:${folder}`, preprocess));
      expect(report.eval?.sha256).toBe(await (await openDataset(`images:${folder}`, preprocess)).hash());
      await page.give('pictures of your own', join(folder, 'class-3', `${labels.indexOf(3)}.png`));
      await page.page.locator('.samples').last().locator('figure').waitFor();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('asks nobody but its own host for anything, and breaks no rule of its policy', () => {
    expect(page.trouble.requests.filter((url) => !url.startsWith(page.url) && !/^(blob|data):/.test(url))).toEqual([]);
    expect(page.trouble.errors).toEqual([]);
  });

  it('isolates itself where the host sends no headers, and does with one thread where it cannot', async () => {
    const plain = await site.open({ headers: {} });
    await plain.page.getByText(/threads? of this device/).waitFor({ timeout: RUN_MS });
    expect(await plain.page.evaluate('crossOriginIsolated')).toBe(true);
    const alone = await site.open({ headers: {}, context: { serviceWorkers: 'block' } });
    await alone.page.getByText(/^One thread: /).waitFor({ timeout: RUN_MS });
    await alone.give('a model', `${DIGITS}/model.onnx`);
    await alone.prune({ method: 'magnitude', zeros: 90 });
    expect(await alone.tile('Weights kept')).toBe('10.00 %');
  });

  it.skipIf(!existsSync(MLPNET) || !existsSync(MNIST))('prunes MLPNet on MNIST as the command does', async () => {
    await page.give('a model', MLPNET);
    await page.page.getByLabel('Values for the model').selectOption('mnist');
    await page.give(
      'data to judge on',
      ['t10k-labels-idx1-ubyte.gz', 't10k-images-idx3-ubyte.gz'].map((name) => join(MNIST, name)),
    );
    expect(await page.alerts()).toEqual([]);
    const report = await page.prune({ method: 'magnitude', zeros: 90 });
    expect(report).toMatchObject({ accuracy: { before: 0.9397, after: 0.903 }, nonzeros: 3235, prunable: 32360 });
    const { model } = await page.savedModel();
    const preprocess = { scale: '1/255', mean: '0.1307', std: '0.3081' };
    const test = `idx:${MNIST}/t10k-images-idx3-ubyte.gz,${MNIST}/t10k-labels-idx1-ubyte.gz`;
    expect(await page.tile('Accuracy')).toBe(percent(await accuracyInNode(model, test, preprocess)));
  });
});
