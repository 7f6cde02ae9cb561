import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { draft, publish, writeFiles } from './atomic.node.ts';
import { clearAbandoned, draftName } from './draft-names.node.ts';
import { isSameFile, placeOf } from './place.node.ts';
import { readText } from './read-text.node.ts';
import { reasonOf, systemSentence } from './reason.ts';

const folder = mkdtempSync(join(tmpdir(), 'coppice-files-'));
const at = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The number of a process that is gone. */
const GONE = spawnSync(process.execPath, ['-e', '']).pid;
const ofGone = (name: string): string => name.replace(`-${process.pid}-`, `-${GONE}-`);

describe('placeOf', () => {
  it('follows links to what they name, there or not', () => {
    mkdirSync(at('there'));
    symlinkSync('there', at('way'));
    symlinkSync('../missing.onnx', join(at('there'), 'to'));
    writeFileSync(at('file'), '');
    symlinkSync(at('file'), at('link'));
    expect(placeOf(at('link'))).toEqual({ path: at('file'), isStream: false });
    expect(placeOf(join(at('way'), 'to'))).toEqual({ path: at('missing.onnx'), isStream: false });
    expect(placeOf(at('new'))).toEqual({ path: at('new'), isStream: false });
  });

  it('knows devices and pipes, and refuses folders and circles', () => {
    execFileSync('mkfifo', [at('pipe')]);
    expect([placeOf('/dev/null').isStream, placeOf(at('pipe')).isStream]).toEqual([true, true]);
    expect(() => placeOf(folder)).toThrow('is a folder');
    symlinkSync('b', at('a'));
    symlinkSync('a', at('b'));
    expect(() => placeOf(at('a'))).toThrow(/ELOOP/);
  });

  it('tells one file by two names', () => {
    expect(isSameFile(at('file'), at('link'))).toBe(true);
    expect(isSameFile(at('file'), at('new'))).toBe(false);
    expect(isSameFile(at('new'), `${folder}/./new`)).toBe(true);
  });
});

describe('drafts', () => {
  it('of processes that are gone are removed, and of no others', async () => {
    const target = at('model.onnx');
    const [mine, killed, other] = [
      draftName(target, 'tmp'),
      ofGone(draftName(target, 'tmp')),
      ofGone(draftName(at('x'), 'tmp')),
    ];
    for (const path of [mine, killed, other]) writeFileSync(path, '');
    await publish([await draft(target, async (file) => void (await file.write('new')))]);
    expect([mine, killed, other].map((path) => existsSync(path))).toEqual([true, false, true]);
    expect(readFileSync(target, 'utf8')).toBe('new');
  });

  it('put back what stood there when the process died between two renames', () => {
    const target = at('data');
    const old = ofGone(draftName(target, 'old'));
    writeFileSync(old, 'before');
    clearAbandoned(target);
    expect([readFileSync(target, 'utf8'), existsSync(old)]).toEqual(['before', false]);
    writeFileSync(old, 'earlier');
    clearAbandoned(target);
    expect([readFileSync(target, 'utf8'), existsSync(old)]).toEqual(['before', false]);
  });

  it('take names that are as long as names may be', async () => {
    const name = `${'n'.repeat(250)}.onnx`;
    await writeFiles(folder, { [name]: 'x' });
    expect(readFileSync(at(name), 'utf8')).toBe('x');
  });

  it('replace the target of a link, and keep the link', async () => {
    await writeFiles(folder, { link: 'through' });
    expect([lstatSync(at('link')).isSymbolicLink(), readFileSync(at('file'), 'utf8')]).toEqual([true, 'through']);
  });

  it('leave everything as it was if one of several cannot take its place', async () => {
    const place = at('several');
    mkdirSync(join(place, 'b'), { recursive: true });
    writeFileSync(join(place, 'a'), 'old');
    await expect(writeFiles(place, { a: 'new', b: 'new' })).rejects.toThrow('is a folder');
    const drafts = [await draft(join(place, 'a'), async (file) => void (await file.write('new')))];
    drafts.push({ target: join(place, 'b'), temporary: join(place, 'nowhere') });
    await expect(publish(drafts)).rejects.toThrow();
    expect([readFileSync(join(place, 'a'), 'utf8'), readdirSync(place).sort()]).toEqual(['old', ['a', 'b']]);
  });
});

describe('readText', () => {
  it('reads files, and says why not', () => {
    writeFileSync(at('text'), 'words');
    expect(readText(at('text'))).toBe('words');
    expect(() => readText(at('nothing'))).toThrow('there is no such file');
    expect(() => readText(folder)).toThrow('it is a folder');
    expect(() => readText(at('pipe'))).toThrow('it is a pipe or a device');
  });
});

describe('the system in words', () => {
  it('says what a code means where it happened', () => {
    const error = (code: string): Error => Object.assign(new Error(code), { code });
    expect(reasonOf(error('ENOENT'))).toBe('there is no such folder');
    expect(reasonOf(error('ENOENT'), 'read')).toBe('there is no such file');
    for (const doing of ['read', 'write'] as const) expect(reasonOf(error('ENOSPC'), doing)).toBe('the disk is full');
    expect(reasonOf(new Error('something else'))).toBe('something else');
  });

  it('makes a sentence of what nobody put into words', () => {
    expect(systemSentence(new Error("EIO: i/o error, stat '/a b'"))).toBe(
      'Cannot look at "/a b": the device reports an error (EIO)',
    );
    expect(systemSentence(new Error('ENOSPC: no space left on device, write'))).toBe(
      'Cannot write a file: the disk is full',
    );
    expect(systemSentence(new TypeError('x is undefined'))).toBeNull();
  });
});
