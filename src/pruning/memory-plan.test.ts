import { describe, expect, it } from 'vitest';
import { memoryMedium } from '../curvature/row-store.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { OptionError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { chooseLayers } from './layers.ts';
import { outerLayers, planRows, planText } from './memory-plan.ts';
import { shapesOf } from './shapes.ts';

const asked = { rows: 1000, weights: 2.6e6, beside: 0.884e9, half: false, disk: memoryMedium };

describe('planRows', () => {
  it('keeps rows in memory where there is no limit, or they fit', () => {
    expect(planRows({ ...asked }).where).toBe('memory');
    expect(planRows({ ...asked, limit: 12e9 }).where).toBe('memory');
  });

  it('goes to disk where they do not fit, and stays within the limit', () => {
    const plan = planRows({ ...asked, limit: 4e9 });
    expect(plan.where).toBe('disk');
    expect(plan.expected).toBeLessThanOrEqual(4e9);
    expect(planText(plan)).toMatch(/10\.4 GB on disk as f32/);
  });

  it('takes half the room as bf16', () => {
    const plan = planRows({ ...asked, limit: 8e9, half: true });
    expect(plan).toMatchObject({ where: 'memory', type: 'bf16', bytes: 5.2e9 });
  });

  it('refuses a limit that leaves no room beside the rest, or no disk', () => {
    expect(() => planRows({ ...asked, limit: 5e8 })).toThrow(OptionError);
    const { disk: _, ...without } = asked;
    expect(() => planRows({ ...without, limit: 4e9 })).toThrow(/allow more memory/);
  });

  it('keeps layers as factors where whole rows do not fit, and only there', () => {
    const outer = [
      { name: 'fc', size: 2e6, length: 3000 },
      { name: 'small', size: 40, length: 14 },
    ];
    expect(planRows({ ...asked, outer }).factored).toEqual([]);
    expect(planRows({ ...asked, outer, limit: 12e9 }).factored).toEqual([]);
    const plan = planRows({ ...asked, outer, limit: 4e9 });
    expect(plan).toMatchObject({ where: 'memory', factored: [outer[0]], bytes: 4 * 1000 * (0.6e6 + 3000) });
    expect(plan.expected).toBeLessThanOrEqual(4e9);
    expect(planText(plan)).toMatch(
      /2\.4 GB in memory as f32; as factors in memory: fc \(3000 numbers a row for 2000000\)/,
    );
    expect(planRows({ ...asked, outer, limit: 2e9 })).toMatchObject({ where: 'disk', factored: [outer[0]] });
  });
});

describe('outerLayers', () => {
  it('are those whose weights meet one vector a sample', async () => {
    const model = parseModelText(`
      input x: float32[2, 3, 4, 4]
      const w0: float32[4, 3, 3, 3] = random(1)
      const w1: float32[6, 4, 2, 2] = random(2)
      const w2: float32[6, 1, 1, 1] = random(3)
      const w3: float32[6, 5] = random(4)
      const w4: float32[5, 5] = random(5)
      a = Conv(x, w0)
      b = Conv(a, w1)
      c = Conv(b, w2) { group: 6 }
      d = Flatten(c)
      e = MatMul(d, w3)
      f = MatMul(e, w4)
      y = MatMul(f, w4)
      output y
    `);
    const shapes = await shapesOf(onnxruntimeNode, model);
    if ('reason' in shapes) throw new Error(shapes.reason);
    const { layers } = chooseLayers(model, {}, shapes.captured, shapes.batch);
    expect(outerLayers(layers)).toEqual([
      { name: 'w1', size: 96, length: 22 },
      { name: 'w3', size: 30, length: 11 },
    ]);
    expect(outerLayers(chooseLayers(model, {}).layers)).toEqual([]);
  });
});
