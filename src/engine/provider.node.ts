import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { OptionError, ProviderError } from '../errors/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { encodeModel } from '../onnx/encode.ts';
import { random } from '../tensor/random.ts';
import { float32 } from '../tensor/tensor.ts';
import type { Engine } from './engine.ts';
import { onnxruntimeNode, onnxruntimeOn } from './onnxruntime.node.ts';
import { type Device, PROVIDERS, type Provider } from './provider.ts';

type Other = Exclude<Device, 'cpu'>;

/** What became of the check graph on a device. */
export interface Check {
  /** Why the device cannot be used; null where it can. */
  readonly reason: string | null;
  /** What to do about it. */
  readonly remedy: string;
  /** Milliseconds of the graph there and on the processor; null where they were not taken. */
  readonly ms: { readonly device: number; readonly cpu: number } | null;
}

/** Relative difference from the processor's outputs that is still the same result. */
const TOLERANCE = 1e-3;
const TIME_LIMIT_MS = 60_000;
/** In the order in which `auto` tries them. */
const OTHERS: readonly Other[] = ['cuda', 'webgpu'];

/**
 * The engine of a provider, once a small graph has come out right there.
 *
 * `auto` takes the first of CUDA and WebGPU that is right and faster than the processor on that graph (a software renderer is not),
 * else the processor; the engine's `chosen` says what and why.
 *
 * @throws ProviderError  if the one that was asked for is not there, or is wrong
 * @throws OptionError    if there is no provider of that name
 * Cost: nothing for `cpu`; else a process and two small sessions, a second or so.
 */
export async function openProvider(provider: Provider, check = checkDevice): Promise<Engine> {
  if (!PROVIDERS.includes(provider))
    throw new OptionError(`Cannot use the provider "${provider}": the providers are ${PROVIDERS.join(', ')}`);
  if (provider === 'cpu') return onnxruntimeNode;
  if (provider === 'auto') return openBest(check);
  const { reason, remedy } = check(provider, false);
  if (reason !== null) throw new ProviderError(`Cannot use the provider "${provider}": ${reason}; ${remedy}`);
  return onnxruntimeOn(provider);
}

function openBest(check: typeof checkDevice): Engine {
  const against: string[] = [];
  for (const device of OTHERS) {
    const { reason, ms } = check(device, true);
    const times = ms === null ? '' : `${ms.device.toFixed(1)} ms for the check graph, cpu ${ms.cpu.toFixed(1)} ms`;
    if (reason === null && ms !== null && ms.device < ms.cpu)
      return { ...onnxruntimeOn(device), chosen: `${device} (${[times, ...against].join('; ')})` };
    against.push(`${device}: ${reason ?? times}`);
  }
  return { ...onnxruntimeNode, chosen: `cpu (${against.join('; ')})` };
}

/**
 * Runs the check graph on a device and on the processor, in a process of its own.
 *
 * @param timed  whether to time both
 */
export function checkDevice(device: Other, timed: boolean): Check {
  const program = fileURLToPath(new URL('./provider-check.node.mjs', import.meta.url));
  const { stdout, signal } = spawnSync(process.execPath, [program], {
    input: JSON.stringify({ ...checkGraph(timed ? FULL : SMALL), device, timed }),
    encoding: 'utf8',
    timeout: TIME_LIMIT_MS,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const refused = (reason: string): Check => ({ reason, remedy: remedyFor(device), ms: null });
  if (stdout.trim() === '')
    return refused(signal === 'SIGTERM' ? 'a small graph did not end within a minute' : 'the driver crashes');
  const { error, apart, ms } = JSON.parse(stdout) as { error?: string; apart: number; ms: Check['ms'] };
  if (error !== undefined) return refused(reasonOf(error));
  if (apart > TOLERANCE)
    return refused(`a small graph comes out wrong there, by ${apart.toPrecision(2)} of its outputs`);
  return { reason: null, remedy: '', ms: timed ? ms : null };
}

/** Of what a small graph is made: pictures, channels, side. */
interface Extent {
  readonly samples: number;
  readonly channels: number;
  readonly side: number;
}

const SMALL: Extent = { samples: 2, channels: 8, side: 8 };
/** Work enough that the way to a GPU does not decide: 3e8 multiply-accumulates. */
const FULL: Extent = { samples: 8, channels: 64, side: 32 };

/** Convolutions and a matrix product, what models and their gradients are made of. */
function checkGraph({ samples, channels, side }: Extent): { bytes: string; x: number[]; dims: number[] } {
  const rng = random(1).fork('provider check');
  const numbers = (...dims: number[]) => {
    const size = dims.reduce((a, b) => a * b, 1);
    return float32(
      Float32Array.from({ length: size }, () => rng.normal() / Math.sqrt(size / (dims[0] as number))),
      dims,
    );
  };
  const builder = new GraphBuilder();
  const dims = [samples, 3, side, side];
  let value = builder.input({ name: 'x', type: 'float32', shape: dims });
  for (const filter of [numbers(channels, 3, 3, 3), numbers(channels, channels, 3, 3)])
    value = builder.emit('Relu', [builder.emit('Conv', [value, builder.constant(filter)], { pads: [1, 1, 1, 1] })]);
  const flat = builder.emit('Flatten', [builder.emit('GlobalAveragePool', [value])]);
  builder.output(builder.emit('Gemm', [flat, builder.constant(numbers(10, channels))], { transB: 1 }), 'y');
  const x = Array.from({ length: samples * 3 * side * side }, () => rng.normal());
  return { bytes: Buffer.from(encodeModel(builder.build())).toString('base64'), x, dims };
}

/** The runtime's reason in a few words, where it is known. */
function reasonOf(error: string): string {
  if (/Failed to load (shared )?library|providers_shared|backend not found|not supported/i.test(error))
    return "onnxruntime's libraries for it are not installed";
  if (/adapter/i.test(error)) return 'there is no GPU that its driver offers';
  return `onnxruntime says: ${error
    .replace(/\/\S+\.(?:cc|h):\d+\s+/g, '')
    .replace(/\s+/g, ' ')
    .trim()}`;
}

function remedyFor(device: Other): string {
  return device === 'cuda'
    ? 'run "node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12" (Linux, x64), see that CUDA 12 and cuDNN 9 are there, or use the provider cpu'
    : 'install a driver for Vulkan, Metal or Direct3D 12, or use the provider cpu';
}
