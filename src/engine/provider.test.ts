import { describe, expect, it } from 'vitest';
import { OptionError, ProviderError } from '../errors/errors.ts';
import { onnxruntimeNode } from './onnxruntime.node.ts';
import { type Check, checkDevice, openProvider } from './provider.node.ts';
import { PROVIDERS, type Provider } from './provider.ts';

const WORKS: Check = { reason: null, remedy: '', ms: { device: 2, cpu: 7 } };
const SLOW: Check = { reason: null, remedy: '', ms: { device: 900, cpu: 7 } };
const AWAY: Check = { reason: 'it is not there', remedy: 'get one', ms: null };

/** A check with these outcomes, and which devices it was asked about. */
function checks(outcomes: Partial<Record<string, Check>>) {
  const asked: string[] = [];
  const check: typeof checkDevice = (device) => {
    asked.push(device);
    return outcomes[device] ?? AWAY;
  };
  return { asked, check };
}

describe('openProvider', () => {
  it('takes the processor without asking anything', async () => {
    const { asked, check } = checks({});
    expect(await openProvider('cpu', check)).toBe(onnxruntimeNode);
    expect(asked).toEqual([]);
  });

  it('opens a device that computes right', async () => {
    const engine = await openProvider('webgpu', checks({ webgpu: WORKS }).check);
    expect(engine.name).toBe('onnxruntime-node (webgpu)');
    expect(engine.host).toBe(onnxruntimeNode);
    expect(engine).not.toHaveProperty('chosen');
  });

  it('refuses a device that is not there with what to do about it', async () => {
    const wanted = openProvider('cuda', checks({}).check);
    await expect(wanted).rejects.toThrow('Cannot use the provider "cuda": it is not there; get one');
    await expect(wanted).rejects.toThrow(ProviderError);
  });

  it('refuses a name that is none', async () => {
    await expect(openProvider('tpu' as Provider)).rejects.toThrow(OptionError);
    expect(PROVIDERS).toEqual(['cpu', 'webgpu', 'cuda', 'auto']);
  });

  it('by auto takes CUDA before WebGPU, and says why', async () => {
    const { asked, check } = checks({ cuda: WORKS, webgpu: WORKS });
    const engine = await openProvider('auto', check);
    expect([engine.name, asked]).toEqual(['onnxruntime-node (cuda)', ['cuda']]);
    expect(engine.chosen).toBe('cuda (2.0 ms for the check graph, cpu 7.0 ms)');
  });

  it('by auto takes WebGPU where CUDA is not there', async () => {
    const engine = await openProvider('auto', checks({ webgpu: WORKS }).check);
    expect(engine.name).toBe('onnxruntime-node (webgpu)');
    expect(engine.chosen).toContain('cuda: it is not there');
  });

  it('by auto stays on the processor where the device is slower', async () => {
    const engine = await openProvider('auto', checks({ webgpu: SLOW }).check);
    expect([engine.name, engine.host]).toEqual(['onnxruntime-node', undefined]);
    expect(engine.chosen).toBe('cpu (cuda: it is not there; webgpu: 900.0 ms for the check graph, cpu 7.0 ms)');
  });
});

describe('checkDevice', () => {
  it('says of a device either that it works or why not and what to do', () => {
    for (const device of ['webgpu', 'cuda'] as const) {
      const { reason, remedy } = checkDevice(device, false);
      if (reason === null) expect(remedy).toBe('');
      else expect([reason, remedy].every((text) => text.length > 0 && !text.includes('\n'))).toBe(true);
    }
  });
});
