import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { asFactors } from '../src/curvature/factor-store.ts';
import { inBlocks, type MakeStore, memoryMedium } from '../src/curvature/row-store.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { onnxruntimeNode as engine } from '../src/engine/onnxruntime.node.ts';
import { METHOD_NAMES, METHODS, type Method } from '../src/methods/list.ts';
import { prune } from '../src/methods/prune.ts';
import type { PruneOptions } from '../src/methods/prune-options.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { chooseLayers } from '../src/pruning/layers.ts';
import { outerLayers } from '../src/pruning/memory-plan.ts';
import { shapesOf } from '../src/pruning/shapes.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';
import { tinyData } from './tiny-data.ts';
import { tinyNet } from './tiny-net.ts';

/** Layers of 72, 9,216 and 384 weights: wider than a tile of columns, and than what the runtime parts among threads. */
const NET = tinyNet({ side: 6, filters: 8, stride: 2, hidden: 128, classes: 3 });
const ROWS = 24;
/** Options that make each method quick, and do all that it does. */
const SETTINGS: Readonly<Record<Method, Partial<PruneOptions>>> = {
  auto: { gradients: 96, batch: 8 },
  reconstruct: { samples: ROWS, stages: 4 },
  magnitude: {},
  woodfisher: { samples: ROWS },
  chita: { samples: ROWS, swaps: 2 },
  'chita-cd': { samples: ROWS },
  'chita-block': { samples: ROWS, block: 500 },
  'chita++': { samples: ROWS / 2, batch: 2, stages: 2, lineSearch: 0 },
  falcon: { samples: ROWS },
  'falcon-bs': { samples: ROWS, block: 500 },
  'falcon++': { samples: ROWS / 2, batch: 2, stages: 2, lineSearch: 0 },
};

const blocks = (tiles: number): MakeStore =>
  inBlocks({ open: memoryMedium, blockBytes: tiles * 4 * 4096 * ROWS, half: false });

async function pruned(method: Method, others: Partial<PruneOptions>): Promise<string> {
  const source = feedsFromDataset(NET, tinyData({ count: 60, sampleDims: [2, 6, 6], classes: 3 }));
  const budget = sparsity(0.6);
  const { model } = await prune(NET, { engine, source, method, budget, ...SETTINGS[method], threads: 1, ...others });
  return Buffer.from(encodeModel(model)).toString('base64');
}

describe.each(METHOD_NAMES)('a model pruned by %s', (method) => {
  it('is the same to the byte with 1, 2 and 4 threads, and wherever gradient rows lie', async () => {
    const wanted = await pruned(method, {});
    for (const threads of [2, 4]) expect([threads, await pruned(method, { threads })]).toEqual([threads, wanted]);
    if (!METHODS[method].needs.gradients) return;
    const shapes = await shapesOf(engine, NET);
    if ('reason' in shapes) throw new Error(shapes.reason);
    const outer = outerLayers(chooseLayers(NET, {}, shapes.captured, shapes.batch).layers);
    const factored = new Set(outer.map(({ name }) => name));
    const kept: [string, Partial<PruneOptions>][] = [
      ['blocks', { store: blocks(1) }],
      ['larger blocks', { store: blocks(2), threads: 2 }],
      [
        'factors',
        { store: asFactors(blocks(1), 4 * 4096 * ROWS), factored: SETTINGS[method].batch === 2 ? new Set() : factored },
      ],
    ];
    for (const [where, options] of kept) expect([where, await pruned(method, options)]).toEqual([where, wanted]);
  });
});

describe('the command line', () => {
  const folder = new Folder();
  const surroundings = { TZ: process.env.TZ, LANG: process.env.LANG, LC_ALL: process.env.LC_ALL };
  const places = ['here', 'another place, elsewhere'].map((name) => join(folder.path, name));
  beforeAll(() => {
    for (const place of places) mkdirSync(place);
  });
  afterAll(() => {
    for (const [name, value] of Object.entries(surroundings)) setOrDelete(name, value);
    folder.remove();
  });

  it.each(METHOD_NAMES)('writes the same bytes by %s in another folder, time zone and language', async (method) => {
    const model = folder.model('small.onnx', SMALL);
    const data = folder.data('rows');
    const flags = Object.entries(SETTINGS[method]).flatMap(([name, value]) =>
      ['samples', 'batch', 'stages', 'gradients'].includes(name) ? [`--${name}`, `${value}`] : [],
    );
    const written: Buffer[] = [];
    for (const [i, place] of places.entries()) {
      const [zone, language] = i === 0 ? ['UTC', 'C'] : ['Asia/Kathmandu', 'tr_TR.UTF-8'];
      for (const [name, value] of [
        ['TZ', zone],
        ['LANG', language],
        ['LC_ALL', language],
      ] as const)
        setOrDelete(name, value);
      const output = join(place, 'out.onnx');
      const memory = i === 0 ? [] : ['--memory', '8GB'];
      const said = await cli([
        ...['prune', model, '--method', method, '--data', data, '--sparsity', '0.5', '--no-latency', ...flags],
        ...[...memory, '-o', output],
      ]);
      expect([said.code, said.err]).toEqual([0, expect.any(String)]);
      written.push(readFileSync(output));
    }
    expect(written[1]).toEqual(written[0]);
  });

  it.each([
    ['auto', ['threads']],
    ['chita', []],
  ])('says of %s what else the bytes may depend on', async (method, wanted) => {
    const model = folder.model('small.onnx', SMALL);
    const said = await cli([
      ...['prune', model, '--method', method, '--data', folder.data('rows'), '--sparsity', '0.5', '--no-latency'],
      ...['--json', '-o', folder.at('out.onnx')],
    ]);
    expect(JSON.parse(said.out).dependsOn).toEqual(wanted);
  });
});

function setOrDelete(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
