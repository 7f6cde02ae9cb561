import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { EXIT } from '../src/cli/exit-codes.ts';
import { readModel } from '../src/onnx/files.node.ts';
import { cli, Folder } from './cli-harness.ts';

const folder = new Folder();
const EXAMPLE = 'examples/digits';
const rows = [`--data=npz:${EXAMPLE}/train.npz[:120]`, `--eval=npz:${EXAMPLE}/test.npz[:100]`, '--no-latency'];
afterAll(() => folder.remove());

describe('coppice prune --structured', () => {
  it('writes a smaller model of the same inputs and outputs, and says what went', async () => {
    const output = folder.at('small.onnx');
    const { code, out } = await cli([
      'prune',
      `${EXAMPLE}/model.onnx`,
      '--structured',
      '--macs',
      '0.5',
      ...rows,
      '-o',
      output,
      '--json',
      '-q',
    ]);
    expect(code).toBe(EXIT.ok);
    const said = JSON.parse(out);
    expect(said.schema).toBe('coppice/compact@1');
    expect(said.macs.after / said.macs.before).toBeLessThanOrEqual(0.5);
    expect(said.bytes.after.raw).toBeLessThan(said.bytes.before.raw);
    const [dense, small] = await Promise.all([readModel(`${EXAMPLE}/model.onnx`), readModel(output)]);
    expect(small.graph.inputs.map(({ name }) => name)).toEqual(dense.graph.inputs.map(({ name }) => name));
    expect(small.graph.outputs).toEqual(dense.graph.outputs);
    expect(small.opsets).toEqual(dense.opsets);
    const channels = (name: string) => small.graph.constants.get(name)?.dims[0];
    expect(channels('conv1.weight')).toBe(said.spaces[0].after);
    expect(said.accuracy.after).toBeGreaterThan(0.6);
  });

  it('means a recipe that gives the same bytes', async () => {
    const flags = ['--structured', '--macs', '0.6', ...rows];
    const { out } = await cli(['prune', `${EXAMPLE}/model.onnx`, ...flags, '--print-recipe']);
    const recipe = folder.write('recipe.json', out);
    expect(JSON.parse(out).steps).toEqual([{ do: 'compact', macs: 0.6, seed: 1 }]);
    const [a, b] = [folder.at('a.onnx'), folder.at('b.onnx')];
    await cli(['prune', `${EXAMPLE}/model.onnx`, ...flags, '-o', a, '-q']);
    await cli(['run', recipe, `${EXAMPLE}/model.onnx`, '-o', b, '-q', '--no-latency']);
    expect(readFileSync(a)).toEqual(readFileSync(b));
  });

  it.each([
    [['--structured'], /Cannot take channels out without a budget: give --macs/],
    [['--structured', '--macs', '0.5', '--sparsity', '0.9'], /with --sparsity: that is for zeros/],
    [['--macs', '0.5'], /--macs without --structured/],
  ])('refuses %s in a sentence', async (flags, sentence) => {
    const { code, err } = await cli(['prune', `${EXAMPLE}/model.onnx`, ...flags, rows[0] as string]);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(sentence);
  });

  it('refuses to guess without data', async () => {
    const { code, err } = await cli(['prune', `${EXAMPLE}/model.onnx`, '--structured', '--macs', '0.5']);
    expect([code, err]).toEqual([
      EXIT.usage,
      expect.stringContaining('Cannot take channels out without data: give --data'),
    ]);
  });
});
