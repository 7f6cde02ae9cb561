import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CompiledFiles } from '../src/compile/output.ts';
import { onnxruntimeNode } from '../src/engine/onnxruntime.node.ts';
import { prune, sparsity } from '../src/index.ts';
import type { Model } from '../src/ir/model.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { CHROMIUM, openBrowser, troubleOf } from './browser.ts';

/** Served with a policy that allows WebAssembly, and scripts of its own alone. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const SIZE = 28 * 28;

describe.skipIf(CHROMIUM === undefined)('a compiled model in a browser', { timeout: 120_000 }, () => {
  let files: CompiledFiles;
  let model: Model;
  let server: Server;
  let url = '';

  beforeAll(async () => {
    const pruned = await prune('examples/digits/model.onnx', {
      ...{ method: 'magnitude', budget: sparsity(0.9), thread: false, compile: true },
    });
    model = pruned.model;
    files = pruned.compiled as CompiledFiles;
    const types = { js: 'text/javascript', wasm: 'application/wasm' } as const;
    server = createServer((request, response) => {
      const name = (request.url ?? '').slice(1);
      const type = types[name.split('.').at(-1) as keyof typeof types] ?? 'text/html';
      response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY });
      response.end(files[name] ?? '<!doctype html><title>page</title>');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }, 120_000);
  afterAll(() => void server?.close());

  it('is loaded from two files, and gives what onnxruntime gives', async () => {
    const x = Float32Array.from({ length: SIZE }, (_, i) => Math.abs(Math.sin(i)));
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      const { errors, requests } = troubleOf(page);
      await page.goto(url);
      const given = (await page.evaluate(`(async () => {
        const { load } = await import('/model.js');
        const model = await load();
        const outputs = model.run({ [model.inputs[0].name]: Float32Array.from(${JSON.stringify(Array.from(x))}) });
        return Array.from(outputs[model.outputs[0].name]);
      })()`)) as number[];
      const session = await onnxruntimeNode.createSession(model);
      const input: Tensor = { type: 'float32', dims: [1, 1, 28, 28], data: x };
      const outputs = await session.run(new Map([[session.inputs[0] as string, input]]));
      await session.release();
      const wanted = Array.from(outputs.get(session.outputs[0] as string)?.data as Float32Array);
      const largest = Math.max(...wanted.map(Math.abs));
      expect(given).toHaveLength(10);
      for (const [i, value] of wanted.entries())
        expect(Math.abs((given[i] as number) - value)).toBeLessThan(1e-5 * largest);
      expect(errors.filter((text) => !text.includes('favicon'))).toEqual([]);
      expect(requests.map((one) => one.slice(url.length)).filter((name) => /model/.test(name))).toEqual([
        'model.js',
        'model.wasm',
      ]);
    } finally {
      await browser.close();
    }
  });
});
