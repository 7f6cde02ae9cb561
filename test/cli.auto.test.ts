import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportSchema } from '../src/report/report.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
let [model, data, test] = ['', '', ''];
beforeAll(() => {
  model = folder.model('small.onnx', SMALL);
  data = folder.data('train');
  test = folder.data('test');
});
afterAll(() => folder.remove());

const auto = (...more: string[]): Promise<{ code: number; out: string; err: string }> =>
  cli(['prune', model, '--method', 'auto', '--sparsity', '0.5', '-q', '--no-latency', ...more]);

describe('coppice prune --method auto', () => {
  it('spends the gradients it was given, and reports them with the data', async () => {
    const out = folder.at('auto.onnx');
    const { code, out: text } = await auto(
      ...['--data', data, '--eval', test, '--gradients', '320', '--batch', '8', '-o', out, '--json'],
    );
    expect(code).toBe(0);
    const report = reportSchema.parse(JSON.parse(text));
    expect(report.asked).toMatchObject({ method: 'auto', options: { samples: 40, batch: 8, minutes: null } });
    expect(report.nonzeros).toBe(28);
    expect(report.data?.address).toBe(data);
    expect(report.objective).toBeNull();
    expect(existsSync(out)).toBe(true);
  });

  it('plans its steps, or its minutes', async () => {
    const plan = (...more: string[]): Promise<{ code: number; out: string; err: string }> =>
      auto('--data', data, '-o', folder.at('none.onnx'), '--dry-run', ...more);
    const steps = await plan('--gradients', '320', '--batch', '8');
    expect(steps.out).toContain('40 training steps, 320 sample gradients in all\n');
    expect(steps.out).toContain('50.0 %, 50.0 %, 50.0 % ... 50.0 %');
    expect((await plan('--minutes', '3')).out).toContain('training for 3 minutes');
  });

  it('is refused in one sentence where something is missing or too much', async () => {
    const refused = async (...more: string[]): Promise<string> => {
      const { code, err } = await auto('-o', folder.at('none.onnx'), ...more);
      expect([2, 5]).toContain(code);
      return err;
    };
    expect(await refused()).toMatch(/^coppice: Cannot prune by auto without data/);
    expect(await refused('--data', data, '--gradients', '1k', '--minutes', '1')).toMatch(
      /gradients and minutes at once/,
    );
    expect(await refused('--data', data, '--gradual')).toMatch(/trains by itself/);
    expect(await refused('--data', data, '--tune')).toMatch(/"auto" has none/);
  });

  it('is what a run goes by that names no method, unless a flag or made-up inputs say otherwise', async () => {
    const methodOf = async (...more: string[]): Promise<string> => {
      const { code, out, err } = await cli([
        ...['prune', model, '--sparsity', '0.5', '-q', '--dry-run', '-o', folder.at('none.onnx'), '--json', ...more],
      ]);
      if (code !== 0) throw new Error(err);
      return (JSON.parse(out) as { method: string }).method;
    };
    expect(await methodOf('--data', data)).toBe('auto');
    expect(await methodOf('--data', data, '--gradients', '320')).toBe('auto');
    expect(await methodOf('--data', data, '--samples', '10')).toBe('chita');
    expect(await methodOf('--data', data, '--gradual')).toBe('chita');
    expect(await methodOf('--data', 'random:8')).toBe('chita');
    expect(await methodOf('--data', data, '--lambda', '0.1', '--method', 'chita-cd')).toBe('chita-cd');
  });
});
