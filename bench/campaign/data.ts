import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { openDataset } from '../../src/data/open-dataset.node.ts';
import { type Random, random } from '../../src/tensor/random.ts';
import { sizeOf } from '../../src/tensor/tensor.ts';
import { type Campaign, RIGHT, type Verdict, verdictOf, wrong } from './campaign.ts';
import { IDX_TYPES, idxFile, labelNumbers, type NumPy, npyFile, npzFile, numbers } from './data-files.ts';

/** Files with what is known to be in them. */
interface Files {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** The address behind its kind and a colon, of the files' names. */
  readonly kind: string;
  readonly named: readonly string[];
  readonly rows: number;
  readonly dims: readonly number[];
  readonly x: readonly number[];
  readonly labels?: readonly number[];
  readonly targets?: readonly number[];
}

const dimsOf = (rng: Random): number[] => Array.from({ length: 1 + rng.integer(3) }, () => 1 + rng.integer(4));

/** Labels, targets or neither, for arrays. */
function besides(rng: Random, rows: number): { readonly y?: NumPy; readonly said: Pick<Files, 'labels' | 'targets'> } {
  const kind = rng.integer(3);
  if (kind === 0) return { said: {} };
  const y = kind === 1 ? labelNumbers(rng, rows, 7) : numbers(rng, [rows, 1 + rng.integer(3)], ['f4', 'f8']);
  return { y, said: kind === 1 ? { labels: y.values } : { targets: y.values } };
}

const KINDS: Readonly<Record<string, (rng: Random) => Files | Promise<Files>>> = {
  npz: (rng) => {
    const [rows, dims] = [1 + rng.integer(6), dimsOf(rng)];
    const x = numbers(rng, [rows, ...dims]);
    const { y, said } = besides(rng, rows);
    const more: Readonly<Record<string, Uint8Array>> =
      rng.integer(3) === 0
        ? { 'größe 数': npyFile(numbers(rng, []), rng), none: npyFile(numbers(rng, [0, 3]), rng) }
        : {};
    const arrays = { x: npyFile(x, rng), ...(y && { y: npyFile(y, rng) }), ...more };
    return {
      files: { 'd.npz': npzFile(arrays, rng) },
      kind: 'npz',
      named: ['d.npz'],
      rows,
      dims,
      x: x.values,
      ...said,
    };
  },
  npy: (rng) => {
    const [rows, dims] = [1 + rng.integer(6), dimsOf(rng)];
    const x = numbers(rng, [rows, ...dims]);
    const { y, said } = besides(rng, rows);
    const files = { 'x.npy': npyFile(x, rng), ...(y && { 'y.npy': npyFile(y, rng) }) };
    return { files, kind: 'npy', named: Object.keys(files), rows, dims, x: x.values, ...said };
  },
  idx: (rng) => {
    const [rows, dims] = [1 + rng.integer(6), dimsOf(rng).slice(0, 2)];
    const x = numbers(rng, [rows, ...dims], IDX_TYPES);
    const y = numbers(rng, [rows], ['u1']);
    const labelled = rng.integer(2) === 0;
    const files = { images: idxFile(x, rng), ...(labelled && { labels: idxFile(y, rng) }) };
    return {
      files,
      kind: 'idx',
      named: Object.keys(files),
      rows,
      dims: dims.length === 2 && x.type === 'u1' ? [1, ...dims] : dims, // two axes of bytes are those of a gray picture
      x: x.values,
      ...(labelled && { labels: y.values }),
    };
  },
  cifar10: (rng) => {
    const rows = 1 + rng.integer(3);
    const bytes = Uint8Array.from({ length: rows * 3073 }, (_, i) =>
      i % 3073 === 0 ? rng.integer(10) : rng.integer(256),
    );
    const parted = Array.from({ length: rows }, (_, i) => bytes.subarray(i * 3073, (i + 1) * 3073));
    const x = parted.flatMap((row) => [...row.subarray(1)]);
    return {
      files: { 'a.bin': bytes },
      kind: 'cifar10',
      named: ['a.bin'],
      rows,
      dims: [3, 32, 32],
      x,
      labels: parted.map((row) => row[0] as number),
    };
  },
  images: async (rng) => {
    const [height, width] = [1 + rng.integer(5), 1 + rng.integer(5)];
    const names = ['b/1.png', 'a/2.png', 'a/größe 1.png', 'ç/x.PNG'].slice(0, 1 + rng.integer(4));
    const listed = rng.integer(2) === 0;
    const files: Record<string, Uint8Array | string> = {};
    const pixels = new Map<string, number[]>();
    for (const name of names) {
      const channels = (rng.integer(2) === 0 ? 3 : 4) as 3 | 4;
      const data = Uint8Array.from({ length: height * width * channels }, () => rng.integer(256));
      files[name] = await sharp(data, { raw: { height, width, channels } }).png({ palette: false }).toBuffer();
      const plane = (k: number): number[] =>
        Array.from({ length: height * width }, (_, i) => data[i * channels + k] as number);
      pixels.set(name, [0, 1, 2].flatMap(plane));
    }
    const order = listed ? names : names.toSorted((a, b) => (a < b ? -1 : 1));
    const classes = [...new Set(order.map((name) => name.split('/')[0]))];
    const labels = order.map((name) => (listed ? rng.integer(50) : classes.indexOf(name.split('/')[0])));
    if (listed)
      files['labels.csv'] = ['label,file', ...order.map((name, i) => `${labels[i]},"${name}"`)].join(
        rng.integer(2) === 0 ? '\n' : '\r\n',
      );
    files[pick(rng, ['a/Thumbs.db', '__MACOSX/a.png', '.hidden/x.png', 'a/._1.png'])] = 'x';
    return {
      files,
      kind: 'images',
      named: [''],
      rows: order.length,
      dims: [3, height, width],
      x: order.flatMap((name) => pixels.get(name) as number[]),
      labels,
    };
  },
};

const pick = <T>(rng: Random, list: readonly T[]): T => list[rng.integer(list.length)] as T;

/** A file with a few bytes changed, taken out, put in, or cut off. */
function damaged(bytes: Uint8Array, rng: Random): Uint8Array {
  const at = rng.integer(bytes.length + 1);
  switch (rng.integer(4)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + rng.integer(4))]);
    case 2:
      return Uint8Array.from([...bytes.subarray(0, at), rng.integer(256), ...bytes.subarray(at)]);
    default: {
      const flipped = bytes.slice();
      for (let n = 1 + rng.integer(3); n > 0 && bytes.length > 0; n--) {
        const place = rng.integer(rng.integer(2) === 0 ? Math.min(bytes.length, 100) : bytes.length);
        flipped[place] = (flipped[place] as number) ^ (1 << rng.integer(8));
      }
      return flipped;
    }
  }
}

/** Data files with known content, and damaged ones. */
export const data: Campaign = {
  name: 'data',
  summary:
    'npz, npy, idx, cifar, pictures and labels.csv with known content, and damaged ones: the right numbers or a sentence',
  limit: 5,
  async case(seed, index, { scratch }) {
    const rng = random(`data/${seed}/${index}`);
    const kind = pick(rng, Object.keys(KINDS));
    const made = await (KINDS[kind] as (typeof KINDS)[string])(rng);
    const hurt = rng.integer(2) === 0 ? pick(rng, Object.keys(made.files)) : null;
    const folder = join(scratch, `case-${index}`);
    try {
      for (const [name, content] of Object.entries(made.files)) {
        mkdirSync(join(folder, name, '..'), { recursive: true });
        const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
        writeFileSync(join(folder, name), name === hurt ? damaged(bytes, rng) : bytes);
      }
      const verdict = await read(made, folder, hurt !== null);
      return verdict.kind === 'right' ? RIGHT : { ...verdict, what: `${kind}: ${verdict.what}` };
    } catch (thrown) {
      const { kind: how, what } = verdictOf(thrown);
      if (how === 'refused' && hurt === null) return { kind: 'refused', what: `${kind} that is sound: ${what}` };
      return { kind: how, what: `${kind}: ${what}` };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function read(made: Files, folder: string, isHurt: boolean): Promise<Verdict> {
  const address = `${made.kind}:${made.named.map((name) => join(folder, name).replaceAll(',', '\\,')).join(',')}`;
  const opened = await openDataset(address);
  const { x, labels, targets } = await opened.batch(Int32Array.from({ length: opened.count }, (_, i) => i));
  if (x.data.length !== sizeOf(x.dims) || x.dims[0] !== opened.count)
    return wrong('a batch whose shape is not that of its numbers');
  if (labels !== undefined && labels.length !== opened.count) return wrong('other labels than rows');
  if (isHurt) return RIGHT;
  if (opened.count !== made.rows) return wrong(`${opened.count} rows for ${made.rows}`);
  if (String(x.dims) !== String([made.rows, ...made.dims])) return wrong(`rows of shape ${x.dims} for ${made.dims}`);
  if (!same(x.data as Float32Array, made.x)) return wrong('other numbers');
  if (!same(labels, made.labels)) return wrong('other labels');
  return same(targets?.data as Float32Array | undefined, made.targets) ? RIGHT : wrong('other targets');
}

function same(found: ArrayLike<number> | undefined, known: readonly number[] | undefined): boolean {
  if (found === undefined || known === undefined) return found === known;
  return found.length === known.length && known.every((value, i) => found[i] === Math.fround(value));
}
