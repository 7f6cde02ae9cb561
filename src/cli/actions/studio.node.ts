import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import type { Command } from 'commander';
import { OptionError } from '../../errors/errors.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { makeFolder } from '../outputs.node.ts';
import { Runs } from '../studio/runs.node.ts';
import { startStudio } from '../studio/server.node.ts';
import { keyFile, openStudioKey, studioKey } from '../studio/studio-key.node.ts';

/** Serves the studio until Ctrl-C. Runs that go on outlive it. @returns the exit code */
export async function studio(context: Context, folder: string, command: Command): Promise<number> {
  const { port, token } = command.opts<{ port: number; token?: string }>();
  if (token !== undefined && !/^[A-Za-z0-9]{32,128}$/.test(token))
    throw new OptionError('Cannot use the token: wanted 32 to 128 letters and digits');
  makeFolder(folder);
  const program = [process.execPath, process.argv[1] ?? ''];
  const key = openStudioKey();
  if (key === null)
    context.warn(
      `the secret of the studio cannot be kept in "${keyFile()}": the next studio cannot stop or resume the runs of this one`,
    );
  const runs = new Runs(await realpath(folder), program, key ?? studioKey(randomBytes(32).toString('hex')));
  const { address, close } = await startStudio({ runs, port, ...(token !== undefined && { token }) });
  context.print(address);
  context.tell(`The runs of ${runs.folder}. Ctrl-C ends the studio; runs that go on are found again by the next one.`);
  if (!context.io.signal.aborted) await once(context.io.signal, 'abort');
  await close();
  return EXIT.ok;
}
