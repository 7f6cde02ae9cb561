import { describe, expect, it } from 'vitest';
import { SAMPLE_FACTS } from '../../test/report/sample-facts.ts';
import { reportHtml } from './html.ts';
import { makeReport, type ReportFacts } from './make-report.ts';

const page = reportHtml(makeReport(SAMPLE_FACTS));

/** The facts of a run of which nothing was measured. */
const BARE: ReportFacts = {
  ...SAMPLE_FACTS,
  runtime: { name: 'onnxruntime-node', version: '1.30.0', threads: null },
  platform: { node: null, os: null, cpu: null },
  command: null,
  output: null,
  data: null,
  eval: null,
  asked: { method: 'magnitude', sparsity: null, flops: null, params: null, options: {} },
  status: null,
  predicted: null,
  untouched: [],
  layers: [],
  accuracy: { before: null, after: null },
  loss: { before: null, after: null },
  recalibrated: null,
  macs: { before: null, after: null },
  bytes: { before: null, after: null },
  latency: null,
  seconds: {},
  peakRssMB: null,
  warnings: [],
};

describe('reportHtml', () => {
  it('refers to nothing outside itself and runs no script', () => {
    expect(page).not.toMatch(
      /<(script|link|img|iframe|object|embed)\b|\b(src|href|onload|onclick)=|url\(|@import|https?:/i,
    );
    expect(page).toContain('content="default-src &#39;none&#39;;');
  });

  it('says what was measured', () => {
    for (const text of ['83.12 %', '87.45 %', '-8.32 points', '13.7x fewer', '7.1x smaller', '66.1 kB', '1.22 ms']) {
      expect(page).toContain(text);
    }
  });

  it('says how to do it again', () => {
    expect(page).toContain('coppice prune &#39;models/small net.onnx&#39; --data &#39;cifar10:train.bin[0:1000]&#39;');
    for (const text of ['Seed 1.', 'a3f1'.repeat(16), 'Node 20.20.2', 'onnxruntime-node 1.30.0'])
      expect(page).toContain(text);
  });

  it('escapes text from files wherever it stands', () => {
    const hostile = '"><script>alert(1)</script>\'&\u0000';
    const text = reportHtml(
      makeReport({
        ...SAMPLE_FACTS,
        model: { ...SAMPLE_FACTS.model, name: hostile },
        layers: SAMPLE_FACTS.layers.map((layer) => ({ ...layer, name: hostile, op: hostile })),
        untouched: [{ name: hostile, op: hostile, weights: 1, reason: hostile }],
        asked: { method: hostile, sparsity: 0.5, flops: null, params: null, options: { [hostile]: hostile } },
        command: [hostile],
        warnings: [hostile],
        seconds: { [hostile]: 1 },
      }),
    );
    expect(text).not.toMatch(/<script/i);
    expect(text).not.toContain('\u0000');
    expect(text).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;\ufffd');
  });

  it('gives every table a caption and row headings, every section and picture a name', () => {
    const count = (pattern: RegExp): number => page.match(pattern)?.length ?? 0;
    expect(count(/<table>/g)).toBeGreaterThan(4);
    expect(count(/<caption>/g)).toBe(count(/<table>/g));
    expect(count(/<tr><th scope="row"/g)).toBe(count(/<tr>/g) - count(/<thead><tr>/g));
    expect(count(/<svg /g)).toBe(count(/<svg [^>]*role="img" aria-label="[^"]+"/g));
    for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
    expect(count(/<h1>/g)).toBe(1);
  });

  it('closes what it opens', () => {
    const open: string[] = [];
    for (const [, slash, name, self] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
      if (self === '/' || ['meta', 'wbr'].includes(name as string)) continue;
      if (slash === '') open.push(name as string);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  it('leaves out what is not known', () => {
    const bare = reportHtml(makeReport(BARE));
    expect(bare).not.toMatch(/NaN|undefined|null|Infinity/);
    expect(bare).not.toContain('Left alone');
    expect(bare).not.toContain('Warnings</h2>');
    expect(bare).toContain('No evaluation data were given');
    expect(bare).toContain('This method predicts nothing.');
  });

  it('draws what was kept as its share of the bar', () => {
    expect(page).toContain('aria-label="72.0 % kept, 28.0 % removed"');
    expect(page).toContain(`<rect class="kept" width="${((200 * 311) / 432).toFixed(2)}" height="10"/>`);
    expect(page).toContain('<rect class="kept" width="0.00" height="10"/>');
  });
});

/** WCAG contrast of two #rrggbb colours. */
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the colours of the page', () => {
  const themes = [...page.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) =>
    Object.fromEntries([...(body as string).matchAll(/--([a-z-]+): (#\w{6})/g)].map(([, name, hex]) => [name, hex])),
  );

  it.each([
    ['light', 0],
    ['dark', 1],
    ['paper', 2],
  ])('have enough contrast: %s', (_, at) => {
    const theme = themes[at] as Record<string, string>;
    const of = (a: string, b: string): number => contrast(theme[a] as string, theme[b] as string);
    for (const ink of ['ink', 'soft', 'accent']) expect(of(ink, 'paper')).toBeGreaterThan(4.5);
    expect(of('soft', 'card')).toBeGreaterThan(4.5);
    expect(of('ink', 'warn-paper')).toBeGreaterThan(4.5);
    expect(of('kept', 'removed')).toBeGreaterThan(3);
    expect(of('edge', 'paper')).toBeGreaterThan(3);
  });
});
