import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { accuracyOf } from '../examples/digits/accuracy.ts';
import { type DrawnDigits, drawDigits } from '../examples/digits/draw.ts';
import { digitsModel } from '../examples/digits/model.ts';
import { npz } from '../examples/digits/npz.ts';
import { samplesOf } from '../examples/digits/samples.ts';
import { TRAIN_DEFAULTS, train } from '../examples/digits/train.ts';
import { parseNpz } from '../src/data/npz.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { random } from '../src/tensor/random.ts';

const FOLDER = 'examples/digits';

async function shipped(name: string): Promise<DrawnDigits> {
  const { arrays } = parseNpz(new Uint8Array(await readFile(`${FOLDER}/${name}`)), name, ['x', 'y']);
  return { pictures: arrays.get('x')?.data as Uint8Array, labels: arrays.get('y')?.data as Uint8Array };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

describe('the drawn digits', () => {
  it('are the same on every machine', () => {
    const { pictures, labels } = drawDigits('train', 20);
    expect(sha256(pictures)).toBe('ee88b56b7dfd27f6');
    expect([...labels]).toEqual([5, 4, 0, 9, 8, 6, 2, 3, 7, 1, 5, 1, 7, 4, 9, 2, 3, 8, 6, 0]);
  });

  it('depend on the seed', () => {
    expect(drawDigits('a', 2).pictures).not.toEqual(drawDigits('b', 2).pictures);
  });

  it('do not depend on how many follow', () => {
    const [three, five] = [drawDigits('train', 3), drawDigits('train', 5)];
    expect(five.pictures.subarray(0, three.pictures.length)).toEqual(three.pictures);
  });

  it('show each class equally often', () => {
    const { labels } = drawDigits('train', 40);
    for (let digit = 0; digit < 10; digit++) expect(labels.filter((label) => label === digit)).toHaveLength(4);
  });
});

describe('the npz writer', () => {
  it('writes what the reader reads', () => {
    const bytes = npz({
      x: { dims: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) },
      y: { dims: [2], data: Uint8Array.of(7, 0) },
    });
    const { arrays, names } = parseNpz(bytes, 'test.npz', ['x', 'y']);
    expect(names).toEqual(['x', 'y']);
    expect(arrays.get('x')).toMatchObject({ dims: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) });
    expect(arrays.get('y')).toMatchObject({ dims: [2], data: Uint8Array.of(7, 0) });
  });
});

describe('the shipped example', () => {
  it('holds drawings of this program', async () => {
    for (const [name, count] of [
      ['train', 6000],
      ['test', 2000],
    ] as const) {
      const { pictures, labels } = await shipped(`${name}.npz`);
      const drawn = drawDigits(name, 10);
      expect(labels).toHaveLength(count);
      expect(pictures.subarray(0, drawn.pictures.length)).toEqual(drawn.pictures);
      expect(labels.subarray(0, 10)).toEqual(drawn.labels);
    }
  });

  it('reaches the accuracy that its README states', async () => {
    const readme = await readFile(`${FOLDER}/README.md`, 'utf8');
    const stated = Number(/([\d.]+) % of the test drawings/.exec(readme)?.[1]);
    const model = new Uint8Array(await readFile(`${FOLDER}/model.onnx`));
    const accuracy = await accuracyOf(onnxruntimeNode, model, samplesOf(await shipped('test.npz')));
    expect(Math.abs(100 * accuracy - stated)).toBeLessThanOrEqual(0.1);
  });
});

describe('training', () => {
  const data = samplesOf(drawDigits('train', 320));
  const options = { ...TRAIN_DEFAULTS, epochs: 2, batch: 32, calibrationRows: 100 };

  it('lowers the loss and gives the same model twice', async () => {
    const losses: string[] = [];
    const onProgress = ({ note }: { note?: string }) => losses.push(note ?? '');
    const first = await train(onnxruntimeNode, digitsModel(random(1)), data, { ...options, onProgress });
    const second = await train(onnxruntimeNode, digitsModel(random(1)), data, options);
    const [before, after] = losses.map((note) => Number(note.replace('loss ', '')));
    expect(after).toBeLessThan(0.8 * (before as number));
    expect(second.graph.constants).toEqual(first.graph.constants);
  });
});
