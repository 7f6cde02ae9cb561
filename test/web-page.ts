import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Model } from '../src/ir/model.ts';
import { readGivenModel } from '../src/onnx/given-files.ts';
import type { Report } from '../src/report/report.ts';
import { openBrowser, type Trouble, troubleOf } from './browser.ts';

/** What the scripts that build and serve the page export. */
interface Scripts {
  buildWeb(out: string): Promise<string>;
  sizesOf(out: string): { script: number; compiler: number; structured: number; runtime: number };
  serve(folder: string, options: { headers?: Record<string, string> }): Promise<{ server: Server; url: string }>;
}

async function scripts(): Promise<Scripts> {
  const load = (name: string): Promise<object> =>
    import(pathToFileURL(resolve(import.meta.dirname, '../scripts', name)).href);
  return { ...(await load('build-web.mjs')), ...(await load('serve-web.mjs')) } as Scripts;
}

/** A run in a browser may take its time on a busy machine. */
export const RUN_MS = 120_000;

/** The page that prunes in the browser, built into a folder of its own and served. */
export class WebSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'coppice-web-'));
  #browser: Browser | undefined;
  #scripts: Scripts | undefined;
  readonly #servers: Server[] = [];

  async build(): Promise<void> {
    this.#scripts = await scripts();
    await this.#scripts.buildWeb(this.folder);
    this.#browser = await openBrowser();
  }

  get sizes(): ReturnType<Scripts['sizesOf']> {
    return (this.#scripts as Scripts).sizesOf(this.folder);
  }

  /** Opens the page; `headers` of the host, by default those that isolate it. */
  async open(options: { headers?: Record<string, string>; context?: BrowserContextOptions } = {}): Promise<WebPage> {
    const { server, url } = await (this.#scripts as Scripts).serve(
      this.folder,
      options.headers ? { headers: options.headers } : {},
    );
    this.#servers.push(server);
    const context = await (this.#browser as Browser).newContext({ acceptDownloads: true, ...options.context });
    const page = await context.newPage();
    const trouble = troubleOf(page);
    await page.goto(url);
    return new WebPage(page, url, trouble);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    for (const server of this.#servers) server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A file in memory that is given to the page. */
export interface PageFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** Bytes as a file for the page. */
export function pageFile(name: string, bytes: Uint8Array | string): PageFile {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes as Uint8Array) };
}

/** The page as a reader uses it. */
export class WebPage {
  readonly page: Page;
  readonly url: string;
  readonly trouble: Trouble;

  constructor(page: Page, url: string, trouble: Trouble) {
    this.page = page;
    this.url = url;
    this.trouble = trouble;
  }

  /** Gives files (in memory, or paths) to the part with this name, and waits until they are read or refused. */
  async give(part: string, files: PageFile | string | readonly string[]): Promise<void> {
    await this.page.getByLabel(part, { exact: true }).setInputFiles(files as never);
    await this.idle();
  }

  async giveExample(): Promise<void> {
    await this.page.getByRole('button', { name: 'Begin with an example' }).click();
    await this.page.getByText('2,000 samples').waitFor({ timeout: RUN_MS });
    await this.idle();
  }

  /** Waits until the page has done what it was asked. */
  async idle(): Promise<void> {
    await this.page.locator('main[aria-busy="false"]').waitFor({ timeout: RUN_MS });
  }

  /** Fills in the form and prunes. @returns the report that the page saves */
  async prune(form: {
    method: string;
    zeros: number;
    pattern?: string;
    options?: Readonly<Record<string, string>>;
  }): Promise<Report> {
    const { page } = this;
    await page.getByRole('combobox', { name: /^Method/ }).selectOption(form.method);
    await page.getByLabel('Zeros').fill(String(form.zeros));
    await page.getByLabel('Pattern').fill(form.pattern ?? '');
    for (const [name, value] of Object.entries(form.options ?? {}))
      await page.getByLabel(name, { exact: true }).fill(value);
    await page.getByRole('button', { name: 'Prune', exact: true }).click();
    await page.getByRole('heading', { name: '4. Result' }).waitFor({ timeout: RUN_MS });
    return JSON.parse(new TextDecoder().decode(await this.saved('Save report.json'))) as Report;
  }

  async savedModel(): Promise<{ model: Model; bytes: Uint8Array }> {
    const bytes = await this.saved('Save the pruned model');
    return { model: readGivenModel({ name: 'saved.onnx', bytes }), bytes };
  }

  async saved(button: string): Promise<Uint8Array> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download'),
      this.page.getByRole('button', { name: button }).click(),
    ]);
    return new Uint8Array(await readFile(await download.path()));
  }

  /** The figure of a tile. */
  async tile(label: string): Promise<string> {
    return this.page.locator('dl .card', { hasText: label }).locator('.figure').innerText();
  }

  alerts(): Promise<string[]> {
    return this.page.getByRole('alert').allInnerTexts();
  }
}
