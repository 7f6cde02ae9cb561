import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SAMPLE_FACTS } from '../../test/report/sample-facts.ts';
import { OutputError } from '../errors/errors.ts';
import { writeReport } from './files.node.ts';
import { makeReport } from './make-report.ts';
import { pageWith } from './page.node.ts';

const report = makeReport(SAMPLE_FACTS);

describe('writeReport', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coppice-report-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('makes the folder and writes the data and the page, nothing else', async () => {
    const target = join(folder, 'a', 'b');
    const files = await writeReport(target, report);
    expect((await readdir(target)).sort()).toEqual(['report.html', 'report.json']);
    expect(JSON.parse(await readFile(files.json, 'utf8'))).toEqual(report);
    expect(await readFile(files.html, 'utf8')).toBe(await pageWith('report', report));
  });

  it('replaces an earlier report', async () => {
    await writeReport(folder, report);
    const files = await writeReport(folder, { ...report, seed: 2 });
    expect(JSON.parse(await readFile(files.json, 'utf8')).seed).toBe(2);
  });

  it('refuses a folder that is a file, and leaves it alone', async () => {
    const path = join(folder, 'taken');
    await writeFile(path, 'mine');
    await expect(writeReport(path, report)).rejects.toThrow(OutputError);
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('leaves nothing half-written when a name is taken by a folder', async () => {
    await mkdir(join(folder, 'report.json'));
    await expect(writeReport(folder, report)).rejects.toThrow(/Cannot write the report to/);
    expect(await readdir(folder)).toEqual(['report.json']);
  });
});
