import type { Engine } from '../engine/engine.ts';
import type { Provider } from '../engine/provider.ts';

/**
 * What runs models on a device, once a small graph has come out right there: to be opened once and handed to several runs as `engine`.
 *
 * `auto` takes the first of CUDA and WebGPU that is right and faster than the processor on that graph, else the processor; the engine's
 * `chosen` says what and why.
 *
 * @throws ProviderError  if the one that was asked for is not there, or is wrong
 * @throws OptionError    if there is no provider of that name
 * Cost: nothing for `cpu`; else a process and two small sessions, a second or so.
 */
export async function openProvider(provider: Provider): Promise<Engine> {
  const { openProvider: open } = await import('../engine/provider.node.ts');
  return open(provider);
}
