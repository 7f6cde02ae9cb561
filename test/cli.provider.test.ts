import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { checkDevice } from '../src/engine/provider.node.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
const model = folder.model('small.onnx', SMALL);
const data = folder.data('train');
afterAll(() => folder.remove());

describe.skipIf(checkDevice('cuda', false).reason === null)('--provider cuda where it is not', () => {
  it.each([
    ['eval', '--eval', data],
    ['prune', '--data', data, '--sparsity', '0.5'],
    ['finetune', '--data', data, '--no-checkpoint'],
    ['sweep', '--data', data, '--eval', data, '--sparsity', '0.5'],
    ['sensitivity', '--eval', data],
    ['compare', '--eval', data],
    ['plan', '--method', 'magnitude', '--sparsity', '0.5'],
  ])('%s ends with code 7, and says what to do', async (command, ...rest) => {
    const { code, out, err } = await cli([command, model, ...rest, '--provider', 'cuda', '-q']);
    expect([code, out]).toEqual([7, '']);
    expect(err).toMatch(/^coppice: Cannot use the provider "cuda": [^\n]+; [^\n]+or use the provider cpu\n$/);
  });
});

describe('--provider auto', { timeout: 120_000 }, () => {
  it('says what it chose on standard error and in the report', async () => {
    const report = folder.at('report');
    const args = ['prune', model, '--data', data, '--sparsity', '0.5', '--no-latency', '-o', folder.at('out.onnx')];
    const { code, err } = await cli([...args, '--report', report, '--provider', 'auto']);
    expect(code).toBe(0);
    const chosen = /^provider: (.+)$/m.exec(err)?.[1];
    expect(chosen).toMatch(/^(cpu|webgpu|cuda) \(/);
    const { runtime } = JSON.parse(readFileSync(`${report}/report.json`, 'utf8'));
    expect(runtime.chosen).toBe(chosen);
    expect(runtime.name).toContain(chosen?.startsWith('cpu') ? 'onnxruntime-node' : '(');
  });

  it('is not mentioned where nobody left the choice open', async () => {
    const { code, out, err } = await cli(['eval', model, '--eval', data, '--json']);
    expect(code).toBe(0);
    expect(err).not.toContain('provider');
    expect(JSON.parse(out).runtime).toEqual({ name: 'onnxruntime-node', version: expect.any(String), threads: null });
  });
});
