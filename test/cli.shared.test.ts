import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { findWeights } from '../src/graph/weights.ts';
import { tensorOf } from '../src/ir/access.ts';
import { readModel } from '../src/onnx/files.node.ts';
import { cli, Folder } from './cli-harness.ts';
import { NOT_RUNNABLE, SHARED_MODELS, sharedModels } from './shared-models.ts';

const MNIST = join(process.env.COPPICE_DATA ?? join(homedir(), '.cache/coppice-data'), 'mnist');
const MLPNET = join(SHARED_MODELS, 'mlpnet-mnist.onnx');
const folder = new Folder();
afterAll(() => folder.remove());

describe.skipIf(!existsSync(MLPNET) || !existsSync(MNIST))('MLPNet on MNIST', () => {
  const argv = [
    ...[
      'prune',
      MLPNET,
      '--method',
      'magnitude',
      '--sparsity',
      '0.9',
      '--json',
      '-q',
      '-o',
      folder.at('mlpnet-90.onnx'),
    ],
    ...['--eval', `idx:${MNIST}/t10k-images-idx3-ubyte.gz,${MNIST}/t10k-labels-idx1-ubyte.gz`],
    ...['--scale', '1/255', '--mean', '0.1307', '--std', '0.3081'],
  ];

  it('keeps 90.30 % of 93.97 % accuracy at 90 % by magnitude, and loads in stock onnxruntime', async () => {
    const { code, out } = await cli(argv);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      accuracy: { before: 0.9397, after: 0.903 },
      nonzeros: 3235,
      prunable: 32360,
    });
    const written = await readModel(folder.at('mlpnet-90.onnx'));
    const kept = findWeights(written).prunable.flatMap(({ name }) => {
      const constant = written.graph.constants.get(name);
      return constant === undefined ? [] : Array.from(tensorOf(constant).data as Float32Array).filter((x) => x !== 0);
    });
    expect(kept).toHaveLength(3235);
    const session = await InferenceSession.create(folder.at('mlpnet-90.onnx'));
    const input = new Tensor('float32', new Float32Array(784), [1, 1, 28, 28]);
    const outputs = await session.run({ [session.inputNames[0] as string]: input });
    expect(outputs[session.outputNames[0] as string]?.dims).toEqual([1, 10]);
  });
});

const zoo = sharedModels();

describe.skipIf(zoo.length === 0)('inspect on the shared models', () => {
  it.each(zoo)('lists $name', { timeout: 60_000 }, async ({ name, path }) => {
    const { code, out, err } = await cli(['inspect', path, '--json']);
    expect(code).toBe(0);
    const { prunable, totals, doesNotRun } = JSON.parse(out);
    expect(totals.prunable).toBe(prunable.reduce((sum: number, layer: { weights: number }) => sum + layer.weights, 0));
    if (NOT_RUNNABLE.has(name)) expect(doesNotRun).not.toBeNull();
    expect(totals.macs === null).toBe(doesNotRun !== null);
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(1);
  });
});
