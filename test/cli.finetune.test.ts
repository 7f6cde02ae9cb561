import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
let [pruned, data] = ['', ''];
beforeAll(async () => {
  pruned = folder.at('pruned.onnx');
  data = folder.data('train');
  const model = folder.model('small.onnx', SMALL);
  await cli(['prune', model, '--method', 'magnitude', '--sparsity', '0.5', '-o', pruned, '-q', '--no-latency']);
});
afterAll(() => folder.remove());

describe('coppice finetune', () => {
  it('trains a pruned model on, its zeros kept, and says how each epoch went', async () => {
    const output = folder.at('tuned.onnx');
    const flags = [
      'finetune',
      pruned,
      '--data',
      data,
      '--eval',
      data,
      '--epochs',
      '3',
      '--batch',
      '8',
      '--rate',
      '0.1',
    ];
    const { code, out, err } = await cli([...flags, '-o', output, '--json']);
    expect(code).toBe(0);
    const line =
      /epoch 2 of 3: loss [\d.]+, accuracy [\d.]+ %, learning rate [\d.e-]+, [\d ,]+ samples a second, [\d.]+ m?s left/;
    expect(err).toMatch(line);
    const document = JSON.parse(out);
    expect(document).toMatchObject({ schema: 'coppice/finetune@1', nonzeros: 28, prunable: 56, output });
    expect(document.epochs).toHaveLength(3);
    expect(document.loss.after).toBeLessThan(document.loss.before);
    expect(existsSync(output)).toBe(true);
    const again = JSON.parse((await cli(['eval', output, '--eval', data, '-q', '--json'])).out);
    expect(again.loss).toBeCloseTo(document.loss.after, 10);
  });

  it.each([
    [[], /without data: give --data/],
    [['--data', 'DATA', '--rate', '0'], /Cannot train at rate 0/],
    [['--data', 'DATA', '--momentum', '1'], /Cannot use momentum 1/],
    [['--data', 'random:64'], /no labels/],
  ])('refuses %j and writes nothing', async (flags, message) => {
    const output = folder.at('never.onnx');
    const { code, err } = await cli([
      'finetune',
      pruned,
      ...flags.map((x) => (x === 'DATA' ? data : x)),
      '-o',
      output,
      '-q',
    ]);
    expect([2, 5]).toContain(code); // an option, or data that do not serve
    expect(err).toMatch(message);
    expect(existsSync(output)).toBe(false);
  });
});
