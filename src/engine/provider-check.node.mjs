// Runs a small graph on a device, in a program of its own: a driver that is missing talks, one that is broken may crash.
// Standard input: { bytes: base64, x: numbers, dims, device, timed }; standard output: { error } or { apart, ms: { device, cpu } }.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import * as ort from 'onnxruntime-node';

const RUNS = 3;
const LIMIT_MS = 2000;
const { bytes, x, dims, device, timed } = JSON.parse(readFileSync(0, 'utf8'));
const feeds = { x: new ort.Tensor('float32', Float32Array.from(x), dims) };

/**
 * The outputs on a provider, and the least time of a run after the first; 0 where nobody asks.
 *
 * @param {string} provider
 * @returns {Promise<{ y: Float32Array, ms: number }>}
 */
async function on(provider) {
  const options = { executionProviders: [provider], logSeverityLevel: /** @type {const} */ (4) };
  const session = await ort.InferenceSession.create(Buffer.from(bytes, 'base64'), options);
  const { y } = await session.run(feeds);
  let ms = timed ? Number.POSITIVE_INFINITY : 0;
  const start = performance.now();
  for (let i = 0; timed && i < RUNS && performance.now() - start < LIMIT_MS; i++) {
    const began = performance.now();
    await session.run(feeds);
    ms = Math.min(ms, performance.now() - began);
  }
  return { y: /** @type {Float32Array} */ (y?.data), ms };
}

try {
  const [there, here] = [await on(device), await on('cpu')];
  const most = here.y.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
  const apart = there.y.reduce((top, value, i) => Math.max(top, Math.abs(value - (here.y[i] ?? 0))), 0) / most;
  process.stdout.write(
    JSON.stringify({ apart: Number.isFinite(apart) ? apart : 1, ms: { device: there.ms, cpu: here.ms } }),
  );
} catch (thrown) {
  process.stdout.write(JSON.stringify({ error: thrown instanceof Error ? thrown.message : String(thrown) }));
}
