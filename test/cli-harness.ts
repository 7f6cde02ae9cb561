import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../src/cli/io.ts';
import { run } from '../src/cli/run.ts';
import type { Model } from '../src/ir/model.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { parseModelText } from '../src/onnx/text.ts';
import { random } from '../src/tensor/random.ts';

/** What a command said, and how it ended. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Surroundings of a command in a test. */
export interface CliOptions {
  readonly terminal?: boolean;
  readonly env?: Io['env'];
  readonly signal?: AbortSignal;
  /** Called with each piece of standard error. */
  readonly onErr?: (text: string) => void;
}

/** Runs the command line within the test's own process. */
export async function cli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { terminal = false, env = {}, signal = new AbortController().signal, onErr } = options;
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
      onErr?.(text);
    },
    terminal,
    columns: 80,
    env,
    signal,
  };
  const code = await run(argv, io, '1.2.3');
  return { code, ...said };
}

/** A network of two layers for {@link writeData}: 4 numbers in, 3 classes out, 56 prunable weights. */
export const SMALL = `
  input x: float32[N,4]
  const w1: float32[4,8] = random(1)
  const b1: float32[8] = random(2)
  const w2: float32[3,8] = random(3)
  h = MatMul(x, w1) @first
  a = Add(h, b1)
  r = Relu(a)
  y = Gemm(r, w2) { transB: 1 } @second
  output y: float32[N,3]
`;

/** Prunable weights of {@link SMALL}. */
export const SMALL_WEIGHTS = 56;

/** A folder of the test's own. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'coppice-cli-'));

  /** The path of a file in it. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.at(name), content);
    return this.at(name);
  }

  /** Writes a model given as text. */
  model(name: string, text: string, change: (model: Model) => Model = (model) => model): string {
    return this.write(name, encodeModel(change(parseModelText(text))));
  }

  /** Writes rows of `width` normal numbers with labels below `classes`, and returns their address. */
  data(
    name: string,
    { rows = 40, width = 4, classes = 3 }: { rows?: number; width?: number; classes?: number } = {},
  ): string {
    const rng = random(name);
    const x = Float32Array.from({ length: rows * width }, () => rng.normal());
    const y = BigInt64Array.from({ length: rows }, () => BigInt(rng.integer(classes)));
    const path = this.write(`${name}-x.npy`, npy('<f4', [rows, width], new Uint8Array(x.buffer)));
    return `npy:${path},${this.write(`${name}-y.npy`, npy('<i8', [rows], new Uint8Array(y.buffer)))}`;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** An array in NumPy's format, version 1. */
function npy(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const header = dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11, ' ');
  const head = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, (header.length + 1) & 255, (header.length + 1) >> 8);
  return Buffer.concat([head, Buffer.from(`${header}\n`), data]);
}
