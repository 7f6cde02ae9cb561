import type { Engine } from '../engine/engine.ts';
import { openProvider } from '../engine/provider.node.ts';
import type { Context } from './context.ts';
import type { ProviderFlags } from './flags.ts';

/**
 * What runs the models of a command, as --provider says; what `auto` chose is said too.
 *
 * @throws ProviderError if it is not there
 */
export async function openEngine(context: Context, { provider }: ProviderFlags): Promise<Engine> {
  if (provider === 'cpu') return openProvider(provider);
  const engine = await context.timed('provider', () => openProvider(provider));
  if (engine.chosen !== undefined) context.tell(`provider: ${engine.chosen}`);
  return engine;
}
