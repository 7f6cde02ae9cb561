// Opens and closes pools of worker threads a thousand times, at every moment of their life: while they load, while they run, after a
// failure. It passes if the process is still there: node bench/pools.mjs [TIMES]
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { threads } from '../dist/executor/threads.node.js';
import { encodeModel } from '../dist/onnx/encode.js';
import { parseModelText } from '../dist/onnx/text.js';

const TIMES = Number(process.argv[2] ?? 1000);
/** Longer than it takes to load onnxruntime in a thread. */
const SPAN_MS = 160;
const model = encodeModel(
  parseModelText(`
    opset 17
    input x: float32[N]
    y = Add(x, x)
    output y`),
);
const feeds = [['x', { type: 'float32', data: Float32Array.of(1, 2), dims: [2] }]];
const setups = [
  { bytes: model, options: { logSeverityLevel: 4 } },
  { bytes: new Uint8Array([1, 2, 3]), options: { logSeverityLevel: 4 } },
];
const counts = { closed: 0, ran: 0, refused: 0 };
for (let at = 0; at < TIMES; at++) {
  const pool = threads({
    file: new URL('../dist/engine/session-tasks.node.mjs', import.meta.url),
    setup: setups[at % 7 === 0 ? 1 : 0],
    threads: 2,
    purpose: 'run the model',
  });
  const runs = at % 2 === 0 ? [pool.run('run', { feeds }), pool.run('run', { feeds })] : [];
  const settled = Promise.allSettled(runs);
  await new Promise((resolve) => setTimeout(resolve, ((at * 37) % SPAN_MS) + Math.random()));
  await pool.close();
  counts.closed++;
  for (const { status } of await settled) counts[status === 'fulfilled' ? 'ran' : 'refused']++;
}
// and as an engine opens them
const session = await onnxruntimeNode.createSession(model, { workers: 2 });
await session.release();
console.log(
  `${TIMES} pools: ${counts.closed} closed, ${counts.ran} runs, ${counts.refused} refused; the process is well`,
);
