import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { constants, copyFile, link, lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CoppiceError, OptionError } from '../../errors/errors.ts';
import { modelHash } from '../../onnx/files.node.ts';
import { openModel } from '../opening.node.ts';
import type { Asked } from './exchange.node.ts';
import type { Runs } from './runs.node.ts';

/** Bytes of a model at most: an upload is for small ones, larger ones are named by their path. */
const MOST_MODEL = 1 << 30;

/**
 * Keeps an uploaded model in the folder of the studio, if it is one. No upload takes the place of another: runs name models by their
 * paths, so that another model of the same name gets a name of its own.
 *
 * @returns  its path
 */
export async function upload({ request, query }: Asked, runs: Runs): Promise<string> {
  const name = plainName(query.get('name') ?? '');
  const tooLarge = new OptionError(
    `Cannot take the model: it is larger than ${MOST_MODEL >> 20} MiB; give the path of its file instead`,
  );
  if (Number(request.headers['content-length'] ?? 0) > MOST_MODEL) throw tooLarge;
  const folder = join(runs.folder, '.models');
  await mkdir(folder, { recursive: true });
  if (!(await lstat(folder)).isDirectory()) throw new OptionError(`Cannot take the model: "${folder}" is a link`);
  const pending = join(folder, `.${name}.${randomBytes(8).toString('hex')}.part`);
  const hash = createHash('sha256');
  try {
    let size = 0;
    const limited = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > MOST_MODEL) throw tooLarge;
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(request, limited, createWriteStream(pending, { flags: 'wx' }));
    await openModel(pending).catch((thrown) => {
      // refused before it has a name, by the one that the reader knows
      if (!(thrown instanceof CoppiceError)) throw thrown;
      throw new OptionError(thrown.message.replaceAll(pending, `${name}.onnx`), { cause: thrown });
    });
    return await placed(folder, { name, pending, sha256: hash.digest('hex') });
  } finally {
    await rm(pending, { force: true });
  }
}

/** Letters, digits, `_` and `-` of a name, without the ending of models. */
function plainName(given: string): string {
  const plain = given
    .replace(/\.onnx$/i, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, 60);
  return plain || 'model';
}

/** Gives a file the first name that is free, or that of the same bytes. */
async function placed(
  folder: string,
  { name, pending, sha256 }: { readonly name: string; readonly pending: string; readonly sha256: string },
): Promise<string> {
  for (const own of [name, `${name}-${sha256.slice(0, 12)}`, `${name}-${sha256}`]) {
    const path = join(folder, `${own}.onnx`);
    try {
      await link(pending, path).catch(async (cause: NodeJS.ErrnoException) => {
        if (cause.code === 'EEXIST') throw cause;
        await copyFile(pending, path, constants.COPYFILE_EXCL); // where a file has one name only
      });
      return path;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      if ((await modelHash(path).catch(() => null)) === sha256) return path;
    }
  }
  throw new OptionError(`Cannot take the model: other files have the names "${name}" and those by its digest`);
}
