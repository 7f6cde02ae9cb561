import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../src/cli/exit-codes.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
let model = '';
beforeAll(() => {
  model = folder.model('small.onnx', SMALL);
});
afterAll(() => folder.remove());

/** Runs a program in a process of its own and gives what it prints. */
function node(file: string, text: string): string {
  return execFileSync(process.execPath, [folder.write(file, text)], { encoding: 'utf8' });
}

const USE = `
  const model = await load();
  const { y } = model.run({ x: Float32Array.of(1, -2, 3, 4) });
  let code = '';
  try { model.run({}); } catch (error) { code = error instanceof CompiledModelError && error.code; }
  console.log(JSON.stringify({ inputs: model.inputs.map(({ name, dims }) => [name, dims]), y: [...y], code }));
`;

describe('coppice compile', () => {
  it('writes a program that a plain module runs', async () => {
    const { code, out, err } = await cli(['compile', model, '-o', folder.at('a.wasm')]);
    expect([code, err]).toEqual([EXIT.ok, '']);
    expect(out).toMatch(/56 of 56 weights/);
    expect(out).toMatch(/a\.wasm +\d/);
    const said = JSON.parse(node('use.mjs', `import { load, CompiledModelError } from './a.js';${USE}`));
    expect(said).toMatchObject({ inputs: [['x', [1, 4]]], code: 'input' });
    expect(said.y).toHaveLength(3);
    expect(readFileSync(folder.at('a.d.ts'), 'utf8')).toContain('readonly "x": Float32Array;');
  });

  it('puts everything in one file that gives the same', async () => {
    await cli(['compile', model, '-o', folder.at('b.js'), '--inline', '-q']);
    expect(existsSync(folder.at('b.wasm'))).toBe(false);
    const use = (file: string) =>
      node(`use-${file}.mjs`, `import { load, CompiledModelError } from './${file}.js';${USE}`);
    expect(use('b')).toBe(use('a'));
  });

  it('takes a batch, and says what it wrote as JSON', async () => {
    const { code, out } = await cli([
      'compile',
      model,
      '-o',
      folder.at('c.wasm'),
      '--batch',
      '5',
      '--weights',
      'int8',
      '--json',
      '-q',
    ]);
    expect(code).toBe(EXIT.ok);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'coppice/compilation@1',
      batch: 5,
      inputs: [{ name: 'x', type: 'float32', dims: [5, 4] }],
      weights: { kept: 56, all: 56, stored: 'int8' },
    });
  });

  it('refuses what it does not cover by name, and writes nothing', async () => {
    const bad = folder.model('bad.onnx', 'input x: float32[2, 2]\nn = NonZero(x) @places\noutput n');
    const { code, err } = await cli(['compile', bad, '-o', folder.at('d.wasm')]);
    expect(code).not.toBe(EXIT.ok);
    expect(err).toContain('node "places" (NonZero): the operator is not covered');
    expect(existsSync(folder.at('d.wasm'))).toBe(false);
    expect(existsSync(folder.at('d.js'))).toBe(false);
  });
});
