import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join, resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Runs } from '../src/cli/studio/runs.node.ts';
import { argumentsOf, runRequestSchema } from '../src/cli/studio/schema.ts';
import { type Studio, startStudio } from '../src/cli/studio/server.node.ts';
import { studioKey } from '../src/cli/studio/studio-key.node.ts';
import { CHROMIUM, isTooWide, openBrowser, seriousFindings, troubleOf } from './browser.ts';
import { Folder, SMALL } from './cli-harness.ts';
import { compileSources } from './compiled.ts';

/** Runs are programs of their own: the sources are compiled for them, next to src/, for both to find the same files. */
const COMPILED = resolve(import.meta.dirname, `../.test-dist-${process.pid}`);
const TOKEN = 'a1'.repeat(20);
const KEY = studioKey('5e'.repeat(32));

const folder = new Folder();
const place = folder.at('runs');
const model = folder.model('net.onnx', SMALL);
const data = folder.data('train', { rows: 200 });
let studio: Studio;

const open = () =>
  startStudio({ runs: new Runs(place, [process.execPath, join(COMPILED, 'cli/main.node.js')], KEY), token: TOKEN });

beforeAll(async () => {
  mkdirSync(place);
  await compileSources(COMPILED);
  studio = await open();
}, 120_000);

afterAll(async () => {
  await studio?.close();
  rmSync(COMPILED, { recursive: true, force: true });
  folder.remove();
});

/** A request as a program makes it that is no browser: its path and headers go out as they are. */
function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  const { hostname, port } = new URL(studio.address);
  return new Promise<{ status: number; text: string; headers: IncomingHttpHeaders }>((done, fail) => {
    const sent = request(
      { agent: false, hostname, port, path, method: options.method ?? 'GET', headers: options.headers },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => done({ status: response.statusCode ?? 0, text, headers: response.headers }));
      },
    );
    sent.on('error', fail);
    sent.end(options.body);
  });
}

/** The run that the first test of the browser began. */
function firstRun(): string {
  const runs = readdirSync(place).filter((name) => /^\d{8}-/.test(name));
  return runs.sort()[0] ?? '';
}

const json = { 'content-type': 'application/json' };

describe('the studio refuses', () => {
  it.each([
    ['a request without the token', '/api/runs', {}, 403],
    ['another token', `/${'b2'.repeat(20)}/api/runs`, {}, 403],
    ['a part of the token', `/${TOKEN.slice(0, -1)}/api/runs`, {}, 403],
    ['another origin', `/${TOKEN}/api/runs`, { origin: 'http://evil.example' }, 403],
    ['another site by its fetch metadata', `/${TOKEN}/api/runs`, { 'sec-fetch-site': 'cross-site' }, 403],
    ['another host, as after a change of its name', `/${TOKEN}/api/runs`, { host: 'evil.example:80' }, 403],
    ['.. in a path', `/${TOKEN}/runs/../../etc/passwd`, {}, 400],
    ['.. in disguise', `/${TOKEN}/runs/%2e%2e/x`, {}, 400],
    ['a slash in disguise', `/${TOKEN}/runs/..%2f..%2fetc/x`, {}, 400],
    ['a run that is not there', `/${TOKEN}/api/runs/nothing`, {}, 422],
    ['a file that is none of the results', `/${TOKEN}/runs/nothing/studio.json`, {}, 422],
    ['an address that is none', `/${TOKEN}/api/secrets`, {}, 404],
  ])('%s', async (_, path, headers, status) => {
    const answer = await ask(path, { headers: headers as Record<string, string> });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text).message).toMatch(/\.$|"/);
  });

  it.each([
    ['no JSON', '{', /no JSON/],
    [
      'an unknown field',
      JSON.stringify({ model, method: 'magnitude', sparsity: 0.5, output: '/etc/passwd' }),
      /output/,
    ],
    ['a budget that is none', JSON.stringify({ model, method: 'magnitude', sparsity: 2 }), /sparsity/],
    [
      'a sweep without data to judge on',
      JSON.stringify({ model, method: 'chita', sweep: { methods: ['chita'], kind: 'sparsity', budgets: [0.5] } }),
      /judge/,
    ],
    [
      'a sweep by no method',
      JSON.stringify({ model, method: 'chita', sweep: { methods: [], kind: 'sparsity', budgets: [0.5] } }),
      /sweep\.methods/,
    ],
    ['no budget', JSON.stringify({ model, method: 'magnitude' }), /budget/],
    [
      'an option of another method',
      JSON.stringify({ model, method: 'magnitude', sparsity: 0.5, options: { minutes: 2 } }),
      /^Cannot prune by magnitude with "minutes": the options are stages, /,
    ],
    [
      'an option by a flag',
      JSON.stringify({ model, method: 'chita', sparsity: 0.5, options: { output: '/etc/passwd' } }),
      /^Cannot prune by chita with "output"/,
    ],
    [
      'a value that an option cannot take',
      JSON.stringify({ model, method: 'chita', sparsity: 0.5, options: { samples: 'many' } }),
      /^Cannot use samples "many": wanted a whole number above 0$/,
    ],
    [
      'options that cannot be together',
      JSON.stringify({ model, method: 'auto', sparsity: 0.5, options: { minutes: 1, gradients: 1000 } }),
      /^Cannot train within gradients and minutes at once/,
    ],
  ])('a run of %s, in a sentence, and writes nothing', async (_, body, message) => {
    const answer = await ask(`/${TOKEN}/api/runs`, { method: 'POST', headers: json, body });
    expect([answer.status, JSON.parse(answer.text).message]).toEqual([422, expect.stringMatching(message)]);
    expect(readdirSync(place)).toEqual([]);
  });

  it('a form that is no JSON by its type: other pages may send those', async () => {
    const answer = await ask(`/${TOKEN}/api/runs`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{}',
    });
    expect(answer.status).toBe(422);
  });

  it('a broken model and one of 2 GB, in a sentence', async () => {
    const broken = await ask(`/${TOKEN}/api/models?name=x.onnx`, { method: 'POST', body: 'this is no model' });
    expect([broken.status, JSON.parse(broken.text).message]).toEqual([
      422,
      expect.stringMatching(/model "x\.onnx".*ONNX/),
    ]);
    const large = await ask(`/${TOKEN}/api/models?name=y.onnx`, {
      method: 'POST',
      headers: { 'content-length': String(2 ** 31) },
    }).catch((error: Error) => ({ status: 0, text: JSON.stringify({ message: error.message }), headers: {} }));
    expect([large.status, JSON.parse(large.text).message]).toEqual([422, expect.stringContaining('1024 MiB')]);
    expect(readdirSync(join(place, '.models'))).toEqual([]);
    rmSync(join(place, '.models'), { recursive: true });
  });

  it('to take text of the form for flags', () => {
    const asked = runRequestSchema.parse({
      model: '--output=/etc/x',
      data: '--report=/etc',
      method: 'chita',
      sparsity: 0.5,
    });
    const argv = argumentsOf(asked, { output: 'o', report: 'r' });
    expect(argv.slice(0, 3)).toEqual(['prune', './--output=/etc/x', '--data=--report=/etc']);
    expect(argv.slice(-2)).toEqual(['--output=o', '--report=r']);
    const chosen = { pattern: '2:4', options: { firstOrder: 'auto', lambda: 0.1, recalibrateStages: true } };
    const set = argumentsOf(runRequestSchema.parse({ ...asked, ...chosen }), { output: 'o', report: 'r' });
    expect(set).toEqual(
      expect.arrayContaining(['--pattern=2:4', '--first-order=auto', '--lambda=0.1', '--recalibrate-stages']),
    );
    expect(argv).not.toContain('--compile');
    const sweep = { methods: ['chita', 'falcon'], kind: 'flops', budgets: [0.2, 0.5] } as const;
    const swept = argumentsOf(runRequestSchema.parse({ ...asked, sweep, gradual: true, seed: 3, compile: true }), {
      output: 'o',
      report: 'r',
    });
    expect(swept[0]).toBe('sweep');
    expect(swept).toEqual(
      expect.arrayContaining(['--methods=chita,falcon', '--flops=0.2,0.5', '--seeds=3', '--compile']),
    );
    expect(swept.join(' ')).not.toMatch(/ --(gradual|output|sparsity|method)\b/);
  });
});

describe('the plan', () => {
  it('is that of the levels of a budget, within their limits', async () => {
    const body = JSON.stringify({ model, kind: 'sparsity', data, preprocess: {}, loss: true });
    const { status, text } = await ask(`/${TOKEN}/api/preview`, { method: 'POST', headers: json, body });
    expect([status, text]).toEqual([200, expect.stringContaining('levels')]);
    const { layers, levels } = JSON.parse(text) as {
      layers: { weights: number; macs: number }[];
      levels: { budget: number; kept: number[]; loss: number }[];
    };
    expect(layers.map(({ weights }) => weights)).toEqual([32, 24]);
    for (const { budget, kept } of levels)
      expect(Math.abs(kept.reduce((a, b) => a + b) - 56 * (1 - budget))).toBeLessThan(1);
    const losses = levels.map(({ loss }) => loss);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)).toBeGreaterThan(losses[0] as number);
  });
});

describe('the page of a run', () => {
  const id = 'with-a-page';
  const path = `/${TOKEN}/runs/${id}/report.html`;
  beforeAll(() => {
    mkdirSync(join(place, id));
    writeFileSync(join(place, id, 'report.html'), '<p>a page</p>');
    writeFileSync(join(folder.at(''), 'secret.txt'), 'a secret');
    symlinkSync(join(folder.at(''), 'secret.txt'), join(place, id, 'report.json'));
  });
  afterAll(() => rmSync(join(place, id), { recursive: true }));

  it('is shown at an address without the token, with a policy that lets it do nothing', async () => {
    const { status, headers } = await ask(path);
    expect(status).toBe(302);
    const address = String(headers.location);
    expect(address).not.toContain(TOKEN);
    const page = await ask(address);
    expect([page.status, page.text]).toEqual([200, '<p>a page</p>']);
    expect(page.headers['content-security-policy']).toMatch(
      /^sandbox allow-scripts allow-downloads; default-src 'none'/,
    );
    expect(page.headers['content-security-policy']).not.toContain('allow-same-origin');
    const other = address.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    expect((await ask(other)).status).toBe(403);
    expect((await ask(address.replace(id, 'another'))).status).toBe(403);
    expect((await ask(address, { method: 'POST' })).status).toBe(405);
    expect((await ask(address, { headers: { host: 'evil.example:80' } })).status).toBe(403);
  });

  it('is not what a link in its folder leads to', async () => {
    const { status, text } = await ask(`/${TOKEN}/runs/${id}/report.json`);
    expect([status, text.includes('secret')]).toEqual([422, false]);
  });
});

describe.skipIf(CHROMIUM === undefined)('the studio in a browser (needs chromium)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser?.close());

  async function visit(hash = '', options: { width?: number } = {}): Promise<{ page: Page; errors: string[] }> {
    const page = await browser.newPage({ viewport: { width: options.width ?? 1440, height: 900 } });
    const { errors } = troubleOf(page);
    await page.goto(studio.address + hash);
    return { page, errors };
  }

  it('goes from the form to a finished run, with a reload and a restart of the server in the middle', async () => {
    const { page } = await visit('#new');
    await page.getByLabel('Model', { exact: true }).fill(model);
    await page.getByLabel('Data for the gradients').fill(data);
    await page.getByLabel('Data to judge on').fill(data);
    await page.getByRole('heading', { name: 'The plan' }).waitFor();
    await page.getByLabel('Method').selectOption('chita++');
    await page.getByLabel('Samples', { exact: true }).fill('10');
    await page.getByLabel('Stages', { exact: true }).fill('40');
    await page.getByLabel('Compile for the browser').check();
    await page.getByLabel('Time the models').check();
    const slider = page.getByRole('slider', { name: 'Sparsity 80 %' });
    await slider.fill('0.5');
    await page.getByText('28 of 56').first().waitFor();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('running', { exact: true }).waitFor();
    const port = Number(new URL(studio.address).port);
    await studio.close();
    studio = await startStudio({
      runs: new Runs(place, [process.execPath, join(COMPILED, 'cli/main.node.js')], KEY),
      token: TOKEN,
      port,
    });
    await page.reload();
    await page.getByText('finished', { exact: true }).waitFor({ timeout: 60_000 });
    const [id = ''] = readdirSync(place).filter((name) => !name.startsWith('.'));
    const report = JSON.parse(readFileSync(join(place, id, 'report.json'), 'utf8'));
    expect(report.stages).toHaveLength(40);
    await page.getByText('Compiled, one run').waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByText('model.wasm').click()]);
    expect(readFileSync(await saved.path())).toEqual(readFileSync(join(place, id, 'model.wasm')));
    const shown = page.getByRole('group', { name: /^Accuracy after each stage/ }).locator('[data-tip]');
    await expect.poll(() => shown.count(), { timeout: 10_000 }).toBe(40);
    expect(await seriousFindings(page)).toEqual([]);
    const [opened] = await Promise.all([page.waitForEvent('popup'), page.getByText('Open the report').click()]);
    await opened.getByRole('heading', { name: 'Layer by layer' }).waitFor();
    await page.close();
  }, 120_000);

  it('stops a run, and begins it anew', async () => {
    const { page } = await visit('#new');
    await page.getByLabel('Model', { exact: true }).fill(model);
    await page.getByLabel('Data for the gradients').fill(data);
    await page.getByLabel('Method').selectOption('chita++');
    await page.getByLabel('Samples', { exact: true }).fill('10');
    await page.getByLabel('Stages', { exact: true }).fill('900');
    await page.getByRole('button', { name: 'Start' }).click();
    await page
      .getByText(/stage \d+ of 900/)
      .first()
      .waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('stopped', { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Begin anew' }).click();
    await page.getByText('running', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('stopped', { exact: true }).waitFor({ timeout: 30_000 });
    await page.close();
  }, 120_000);

  it('sweeps over methods and budgets, shown live, to a report with fronts that can be compared', async () => {
    const { page, errors } = await visit('#new');
    await page.getByRole('button', { name: 'Sweep' }).click();
    await page.getByLabel('Model', { exact: true }).fill(model);
    await page.getByLabel('Data for the gradients').fill(data);
    await page.getByLabel('Data to judge on').fill(data);
    await page.getByLabel('falcon', { exact: true }).check();
    await page.getByLabel(/^From/).fill('0.4');
    await page.getByLabel(/^To/).fill('0.8');
    await page.getByLabel('in steps of').selectOption('20 %');
    await page.getByLabel('auto', { exact: true }).uncheck();
    await page.getByLabel('chita', { exact: true }).check();
    await page.getByLabel('Samples', { exact: true }).fill('10');
    await page.getByText('3 methods at 3 budgets: 9 runs.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('finished', { exact: true }).waitFor({ timeout: 60_000 });
    const id = new URL(page.url()).hash.replace('#run=', '');
    const live = page.getByRole('group', { name: /^Accuracy of each run/ });
    await expect.poll(() => live.locator('[data-tip]').count()).toBe(9);
    const sweep = JSON.parse(readFileSync(join(place, id, 'sweep.json'), 'utf8'));
    expect(sweep).toMatchObject({
      methods: ['magnitude', 'chita', 'falcon'],
      sparsities: [0.4, 0.6, 0.8],
    });
    const [opened] = await Promise.all([page.waitForEvent('popup'), page.getByText('Open the report').click()]);
    await opened.getByRole('heading', { name: 'Pareto fronts' }).waitFor();
    await opened.close();
    await page.goto(`${studio.address}#compare=${id}`);
    const points = page.getByRole('group', { name: /^Accuracy against sparsity/ }).locator('[data-key]');
    await expect.poll(() => points.count()).toBe(9);
    expect(errors).toEqual([]);
    await page.close();
  }, 120_000);

  it('begins with auto, and asks for what the chosen method takes', async () => {
    const { page, errors } = await visit('#new');
    const choice = page.getByLabel('Method');
    await page.getByLabel('Minutes', { exact: true }).waitFor();
    expect(await choice.inputValue()).toBe('auto');
    await choice.selectOption('chita-block');
    expect(await page.getByLabel('Minutes', { exact: true }).count()).toBe(0);
    expect(await page.getByLabel('Block', { exact: true }).isVisible()).toBe(false);
    await page.getByText('More settings').click();
    expect(await page.getByLabel('Block', { exact: true }).getAttribute('placeholder')).toBe('2000');
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('says in a sentence what is wrong with a model', async () => {
    const { page } = await visit('#new');
    await page.getByLabel('Model', { exact: true }).fill(folder.write('broken.onnx', '<html></html>'));
    expect(await page.getByRole('alert').textContent()).toContain('HTML');
    await page.close();
  });

  it('compares runs, also those that it did not begin, on a narrow screen too', async () => {
    const id = firstRun();
    const copy = join(place, 'from-elsewhere');
    mkdirSync(copy);
    writeFileSync(join(copy, 'report.json'), readFileSync(join(place, id, 'report.json')));
    const { page, errors } = await visit('#runs', { width: 390 });
    await page.getByLabel('Compare from-elsewhere').check();
    for (const box of await page.locator('input[type=checkbox]:enabled').all()) await box.check();
    await page.getByRole('button', { name: /^Compare \d/ }).click();
    await page.getByRole('heading', { name: 'Runs side by side' }).waitFor();
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(1);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await isTooWide(page)).toBe(false);
    expect(errors).toEqual([]);
    await page.close();
  });

  it('shows a page of unknown origin, which learns nothing and reaches nothing', async () => {
    const id = 'foreign';
    mkdirSync(join(place, id));
    const attack = `<title>before</title><script>
      const tried = [location.href.includes(${JSON.stringify(TOKEN)}), origin];
      const asked = ${JSON.stringify(studio.address)} + 'api/runs';
      fetch(asked).then(() => 'answered', () => 'refused').then((answer) => { document.title = [...tried, answer].join(' '); });
    </script>`;
    writeFileSync(join(place, id, 'report.html'), attack);
    const page = await browser.newPage();
    await page.goto(`${studio.address}runs/${id}/report.html`);
    await expect.poll(() => page.title()).toBe('false null refused');
    await page.close();
    rmSync(join(place, id), { recursive: true });
  });

  it('shows no event twice after a connection that was lost', async () => {
    const id = firstRun();
    const whole = (await ask(`/${TOKEN}/api/runs/${id}/events`)).text;
    const ids = [...whole.matchAll(/^id: (\d+)$/gm)].map(([, at]) => at as string);
    const rest = (await ask(`/${TOKEN}/api/runs/${id}/events`, { headers: { 'last-event-id': ids[5] as string } }))
      .text;
    expect([...rest.matchAll(/^id: (\d+)$/gm)].map(([, at]) => at)).toEqual(ids.slice(6));
    expect(whole.trimEnd().endsWith('event: over\ndata: {}')).toBe(true);
    appendFileSync(join(place, id, 'events.ndjson'), 'a last word of a runtime\n');
    expect((await ask(`/${TOKEN}/api/runs/${id}/events`)).text).toBe(whole);
  });
});
