import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sparsity } from '../src/budget/budget.ts';
import { feedsFromDataset } from '../src/data/dataset-feeds.ts';
import { channelBlock } from '../src/engine/channel-block.ts';
import type { Engine } from '../src/engine/engine.ts';
import { linalg } from '../src/engine/linalg.ts';
import { onnxruntimeNode, onnxruntimeOn } from '../src/engine/onnxruntime.node.ts';
import { finetune } from '../src/finetune/finetune.ts';
import { prune } from '../src/index.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { chita } from '../src/solvers/chita/back-solving.ts';
import { random } from '../src/tensor/random.ts';
import { float32 } from '../src/tensor/tensor.ts';
import { tinyData } from './tiny-data.ts';
import { tinyNet } from './tiny-net.ts';

/** Vulkan without a GPU: SwiftShader, as chromium brings it along, with the loader beside it. */
const DRIVER = process.env.COPPICE_VULKAN_DRIVER ?? '/usr/lib/chromium/vk_swiftshader_icd.json';
/** Whether this process runs the tests; set it to run them on the GPU of a machine that has one. */
const INSIDE = process.env.COPPICE_WEBGPU !== undefined;

/** The system's loader of libraries reads its path when a program starts: the tests run in a program of their own. */
describe.skipIf(INSIDE || !existsSync(DRIVER))('WebGPU by a software renderer', () => {
  it('passes the tests of this file', { timeout: 300_000 }, () => {
    const args = ['node_modules/vitest/vitest.mjs', 'run', fileURLToPath(import.meta.url)];
    const folder = dirname(DRIVER);
    const env = {
      ...process.env,
      NO_COLOR: '1',
      COPPICE_WEBGPU: '1',
      VK_ICD_FILENAMES: DRIVER,
      LD_LIBRARY_PATH: folder,
    };
    const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 280_000 });
    expect(stdout).toMatch(/Tests\s+\d+ passed/);
    expect(status, stdout).toBe(0);
  });
});

const NET = tinyNet({ side: 6, filters: 4, stride: 2, hidden: 8, classes: 3 });
const DATA = tinyData({ count: 24, sampleDims: [2, 6, 6], classes: 3 });

describe.skipIf(!INSIDE)('on WebGPU', { timeout: 120_000 }, () => {
  const device = onnxruntimeOn('webgpu');

  it('no graph is written in the layout of the processor', async () => {
    expect(await channelBlock(device)).toBe(1);
  });

  it('a pruned model has the objective that it has on the processor', async () => {
    const pruned = (engine: Engine) =>
      prune(NET, { engine, data: DATA, solver: chita(), budget: sparsity(0.6), samples: 24, batch: 1 });
    const [there, here] = [await pruned(device), await pruned(onnxruntimeNode)];
    const [found, wanted] = [there.report.objective as number, here.report.objective as number];
    expect(Math.abs(found / wanted - 1)).toBeLessThan(1e-3);
    expect(there.report.runtime.name).toBe('onnxruntime-node (webgpu)');
    expect(there.report.sparsity).toBe(here.report.sparsity);
  });

  it('training ends with the loss that it has on the processor', async () => {
    const trained = (engine: Engine) =>
      finetune(NET, { engine, source: feedsFromDataset(NET, DATA), loss: 'cross-entropy', batch: 12, epochs: 1 });
    const [there, here] = [await trained(device), await trained(onnxruntimeNode)];
    const [found, wanted] = [there.epochs[0]?.loss as number, here.epochs[0]?.loss as number];
    expect(Math.abs(found / wanted - 1)).toBeLessThan(1e-3);
  });

  it('Gram matrices of columns that were picked there are those of the processor', async () => {
    const [n, width] = [6, 9000];
    const rng = random(5);
    const A = Float32Array.from({ length: n * width }, () => rng.normal());
    const columns = Int32Array.from({ length: width - 300 }, (_, i) => i + 100);
    const { addLowerGramOf, addLowerGram } = linalg(device);
    const [found, sent, wanted] = [new Float64Array(n * n), new Float64Array(n * n), new Float64Array(n * n)];
    for (let again = 0; again < 2; again++) expect(await addLowerGramOf?.(A, columns, found)).toBe(true);
    const picked = Float32Array.from({ length: n * columns.length }, (_, at) => {
      const [i, j] = [Math.floor(at / columns.length), at % columns.length];
      return A[i * width + (columns[j] as number)] as number;
    });
    await addLowerGram(picked, sent);
    for (let i = 0; i < n; i++)
      for (let k = 0; k <= i; k++)
        for (const j of columns)
          (wanted[i * n + k] as number) += (A[i * width + j] as number) * (A[k * width + j] as number);
    wanted.forEach((value, at) => {
      expect(Math.abs((found[at] as number) - 2 * value)).toBeLessThan(1e-4 * width);
      expect(Math.abs((sent[at] as number) - value)).toBeLessThan(1e-4 * width);
    });
  });

  it('a matrix that is held is fed again and again until it is released', async () => {
    const held = await device.hold?.(float32([1, 2, 3, 4], [2, 2]));
    const session = await device.createSession(
      parseModelText('opset 17\n input x: float32[N, 2]\n y = MatMul(x, x)\n output y'),
    );
    const square = async () => Array.from((await session.run(new Map([['x', held!]]))).get('y')?.data as Float32Array);
    expect([await square(), await square()]).toEqual([
      [7, 10, 15, 22],
      [7, 10, 15, 22],
    ]);
    held?.release();
    await session.release();
  });
});
