import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, Folder, SMALL } from './cli-harness.ts';
import { SAMPLE_SWEEP } from './report/sample-sweep.ts';

const folder = new Folder();
afterAll(() => folder.remove());

describe('coppice report', () => {
  beforeAll(async () => {
    const model = folder.model('net.onnx', SMALL);
    const data = folder.data('train');
    const flags = ['--method', 'chita', '--samples', '20', '--sparsity', '0.5', '--no-latency', '-q'];
    const ran = await cli([
      'prune',
      model,
      '--data',
      data,
      '--eval',
      folder.data('test'),
      ...flags,
      '-o',
      folder.at('p.onnx'),
      '--report',
      folder.at('run'),
    ]);
    expect(ran.code).toBe(0);
  });

  it('writes Markdown, and every chart that it shows', async () => {
    const { code, out } = await cli(['report', folder.at('run'), '--format', 'md', '-o', folder.at('md')]);
    expect(code).toBe(0);
    const text = readFileSync(folder.at('md/report.md'), 'utf8');
    expect(text).toContain('## net.onnx pruned by chita');
    expect(text).toContain('| Nonzero prunable weights |');
    const shown = [...text.matchAll(/!\[[^\]]+\]\((charts\/[^)]+)\)/g)].map(([, path]) => path as string);
    const names = ['standing-sparsity', 'standing-bytes', 'run-prediction', 'layers-share', 'layers-macs'];
    expect(shown).toEqual(names.map((name) => `charts/${name}.svg`));
    for (const path of shown) expect(readFileSync(folder.at(`md/${path}`), 'utf8')).toMatch(/^<svg /);
    expect(out.trim().split('\n')).toEqual(['report.md', ...shown].map((path) => folder.at(`md/${path}`)));
  });

  it('prints the data, and nothing else', async () => {
    const { out } = await cli(['report', folder.at('run'), '--format', 'json']);
    const kept = JSON.parse(readFileSync(folder.at('run/report.json'), 'utf8'));
    expect(JSON.parse(out)).toEqual(kept);
    expect(kept.layers.map((layer: { sensitivity: number }) => layer.sensitivity > 0)).toEqual([true, true]);
    expect(kept.details.weights).toHaveLength(2);
    expect(kept.details.flips.rows).toBe(40);
    expect(kept.details.graph.nodes.map((node: { change: string }) => node.change)).toContain('sparser');
  });

  it('writes the page again, also of a sweep', async () => {
    writeFileSync(folder.at('sweep.json'), JSON.stringify(SAMPLE_SWEEP));
    const { code, out } = await cli(['report', folder.at('sweep.json'), '-o', folder.at('page')]);
    expect([code, out]).toEqual([0, `${folder.at('page/report.html')}\n`]);
    expect(readFileSync(folder.at('page/report.html'), 'utf8')).toContain('"schema":"coppice/sweep@1"');
    await cli(['report', folder.at('sweep.json'), '--format', 'md', '-o', folder.at('page')]);
    expect(readFileSync(folder.at('page/report.md'), 'utf8')).toContain('charts/front-bytes.svg');
  });

  it.each([
    ['a folder without a report', 'empty', null, /there is no report\.json and no sweep\.json/],
    ['a file that is no JSON', 'x.json', '{', /Cannot read the report/],
    ['another layout', 'y.json', '{"schema":"coppice/report@9"}', /schema/],
  ])('refuses %s', async (_, name, text, message) => {
    if (text !== null) folder.write(name, text);
    const { code, err, out } = await cli(['report', folder.at(name)]);
    expect([code, out]).toEqual([5, '']);
    expect(err).toMatch(message);
  });

  it('leaves no half of a report where it cannot write', async () => {
    folder.write('taken', 'mine');
    const { code } = await cli(['report', folder.at('run'), '--format', 'md', '-o', folder.at('taken')]);
    expect(code).toBe(2);
    expect(existsSync(folder.at('taken/report.md'))).toBe(false);
  });
});
