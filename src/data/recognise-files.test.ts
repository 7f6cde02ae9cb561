import { describe, expect, it } from 'vitest';
import { DataError } from '../errors/errors.ts';
import { npyBytes } from './bytes.cases.ts';
import { isClutter } from './image-folder.ts';
import { type FileHead, imagesAmong, recogniseFiles } from './recognise-files.ts';

const file = (path: string, ...head: number[]): FileHead => ({ path, head: Uint8Array.from(head) });
const npy = { path: 'x.npy', head: npyBytes('<f4', [1], Float32Array.of(1)) };

describe('recogniseFiles', () => {
  it.each([
    ['idx', [file('train-images-idx3-ubyte', 0, 0, 8, 3), file('labels.gz', 0x1f, 0x8b)]],
    ['npz', [file('xy.npz', 0x50, 0x4b, 3, 4)]],
    ['npy', [npy, { ...npy, path: 'y.npy' }]],
    ['cifar10', [file('data_batch_1.bin', 3, 1), file('data_batch_2.bin', 0, 0)]],
    ['images', [file('a/cat.JPG'), file('a/labels.csv'), file('a/readme.txt')]],
  ] as const)('says %s by what is in the files', (kind, files) => {
    expect(recogniseFiles(files)).toBe(kind);
  });

  it.each([
    ['nothing', [], /there is no file/],
    ['two kinds', [file('xy.npz', 0x50, 0x4b, 3, 4), npy], /"xy\.npz" is npz, "x\.npy" is npy/],
    ['more files than a kind has', [npy, npy, npy], /at most 2 files for npy:X.npy\[,Y.npy\], got 3/],
    ['an HTML page', [file('data.npz', ...new TextEncoder().encode('<html>'))], /it is an HTML page/],
    ['a table without its pictures', [file('labels.csv', 0x66)], /wanted npz, npy, idx/],
  ] as const)('refuses %s in one sentence', (_, files, message) => {
    expect(() => recogniseFiles(files)).toThrow(DataError);
    expect(() => recogniseFiles(files)).toThrow(message);
  });
});

describe('imagesAmong', () => {
  it('makes each folder a class, below the folder that holds them all', () => {
    expect(imagesAmong(['train/dog/2.png', 'train/cat/1.png', 'train/dog/deep/1.png'], undefined)).toEqual({
      files: ['train/cat/1.png', 'train/dog/2.png', 'train/dog/deep/1.png'],
      labels: Int32Array.of(0, 1, 1),
    });
    expect(imagesAmong(['dog/2.png', 'cat/1.png'], undefined).labels).toEqual(Int32Array.of(0, 1));
  });

  it('has no labels for pictures of one folder', () => {
    expect(imagesAmong(['mine/b.png', 'mine/a.png'], undefined)).toEqual({ files: ['mine/a.png', 'mine/b.png'] });
  });

  it('goes by labels.csv', () => {
    const paths = ['set/labels.csv', 'set/p/a.png', 'set/b.png'];
    const text = 'file,label\nb.png,4\np\\a.png,2\n';
    expect(imagesAmong(paths, text)).toEqual({ files: ['set/b.png', 'set/p/a.png'], labels: Int32Array.of(4, 2) });
    expect(() => imagesAmong(paths, 'file,label\nc.png,1\n')).toThrow(/"c\.png".*there is no such file/);
  });
});

it('knows what systems leave in folders', () => {
  expect(
    ['a/.DS_Store', '__MACOSX/a.png', 'a/thumbs.db', 'a/desktop.ini', '@eaDir/b.png', 'a/b.png'].filter(isClutter),
  ).toHaveLength(5);
});
