// Which models of a folder compile, and how far their outputs are from onnxruntime's, over the largest of them.
//   node bench/compiled-zoo.mjs [FOLDER] [--only TEXT]      needs COPPICE_SHARED and a build
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compileModel } from '../dist/compile/compile.js';
import { makeRuntime } from '../dist/compile/runtime/start.js';
import { randomFeeds } from '../dist/data/feeds.js';
import { freeze } from '../dist/engine/freeze.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { readModel } from '../dist/onnx/files.node.js';
import { halfToNumber } from '../dist/tensor/half.js';
import { random } from '../dist/tensor/random.js';

const SHARED = process.env.COPPICE_SHARED ?? resolve(import.meta.dirname, '../../shared');
/** Sizes of open dimensions that are tried. */
const OPEN = [16, 64, 512, 320];
/** Largest difference that is rounding. */
const ROUNDING = 1e-3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' } },
});
const folder = positionals[0] ?? join(SHARED, 'models', 'zoo');

/** The largest difference of two outputs over the largest number that is one; whether both have the same that are none. */
function apart(wanted, found) {
  let [most, worst] = [1e-20, 0];
  for (const x of wanted) if (Number.isFinite(Number(x))) most = Math.max(most, Math.abs(Number(x)));
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [Number(wanted[i]), Number(found[i])];
    if (Number.isFinite(a)) worst = Math.max(worst, Math.abs(a - b) / most || 0, Number.isFinite(b) ? 0 : Infinity);
    else if (!Object.is(a, b)) worst = Infinity;
  }
  return worst;
}

/** Half floats as compiled models take them. */
const floats = ({ type, data }) => (type === 'float16' ? Float32Array.from(data, halfToNumber) : data);

async function tried(file) {
  const model = await readModel(join(folder, file));
  const { frozen, inputs } = await frozenAt(model, OPEN);
  const { wasm } = compileModel(frozen);
  const started = await makeRuntime().start(wasm);
  const found = started.run(Object.fromEntries([...inputs].map(([name, tensor]) => [name, floats(tensor)])));
  const session = await onnxruntimeNode.createSession(model, { threads: 1 });
  const wanted = await session.run(inputs);
  await session.release();
  return Math.max(...[...wanted].map(([name, tensor]) => apart(floats(tensor), found[name])));
}

/** The model at the first size of its open dimensions at which it runs. */
async function frozenAt(model, [open, ...others]) {
  const { inputs } = await (await randomFeeds(model, { rng: random(1), count: 1, open })).feeds([0]);
  try {
    return { frozen: await freeze(onnxruntimeNode, model, inputs), inputs };
  } catch (error) {
    if (others.length === 0 || error.constructor.name !== 'EngineError') throw error;
    return frozenAt(model, others);
  }
}

let [compiled, agreed] = [0, 0];
const files = readdirSync(folder).filter((name) => name.endsWith('.onnx') && name.includes(values.only));
for (const file of files) {
  try {
    const difference = await tried(file);
    compiled++;
    if (difference < ROUNDING) agreed++;
    console.log(`${file}: compiled, ${difference.toExponential(1)} apart${difference < ROUNDING ? '' : ' WRONG'}`);
  } catch (error) {
    console.log(`${file}: ${error.constructor.name}: ${String(error.message).split('\n').join(' ').slice(0, 300)}`);
  }
}
console.log(`${compiled} of ${files.length} compile, ${agreed} agree`);
