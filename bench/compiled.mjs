// Compiled models beside onnxruntime-node and onnxruntime-web, all on one thread, dense sides run the same pruned model; by turns.
//   node bench/compiled.mjs [--rounds N] [--csv FILE] [NAME ...]     e.g. resnet20-90; needs COPPICE_SHARED and a build
// resnet20-90: the smallest weights of all layers together are zero; resnet20-90-each: the smallest 90 % of each layer.
// stories: 128 tokens; story: one.
// Best and median of all rounds; a row for each is added to the CSV file.
import { appendFileSync, existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { compileModel } from '../dist/compile/compile.js';
import { makeRuntime } from '../dist/compile/runtime/start.js';
import { freeze } from '../dist/engine/freeze.js';
import { onnxruntimeNode } from '../dist/engine/onnxruntime.node.js';
import { onnxruntimeWeb } from '../dist/engine/onnxruntime.web.js';
import { prunedModel, randomInputs } from './compiled-cases.mjs';

const CASES = [
  'resnet20-90',
  'resnet20-95',
  'resnet20-80',
  'resnet20-90-each',
  'resnet20-95-each',
  'resnet20-80-each',
  'resnet20-0',
  'mobilenet-80',
  'mobilenet-90',
  'mobilenet-80-each',
  'mobilenet-90-each',
  'mlpnet-95',
  'stories-70',
  'story-70',
];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '200' }, csv: { type: 'string' } },
});

const quantile = (times, q) => [...times].sort((a, b) => a - b)[Math.floor(q * (times.length - 1))];
const web = await onnxruntimeWeb({ threads: 1 });

async function measure(name) {
  const model = await prunedModel(name);
  const feeds = await randomInputs(model, name);
  const { wasm, kept, weights } = compileModel(await freeze(onnxruntimeNode, model, feeds));
  const compiled = await makeRuntime().start(wasm);
  const arrays = Object.fromEntries([...feeds].map(([input, { data }]) => [input, data]));
  const [node, page] = [
    await onnxruntimeNode.createSession(model, { threads: 1, holdsWeights: true }),
    await web.createSession(model),
  ];
  const sides = { compiled: () => compiled.run(arrays), node: () => node.run(feeds), web: () => page.run(feeds) };
  const times = { compiled: [], node: [], web: [] };
  for (let round = -5; round < Number(values.rounds); round++)
    for (const [side, run] of Object.entries(sides)) {
      const began = performance.now();
      await run();
      if (round >= 0) times[side].push(performance.now() - began);
    }
  await Promise.all([node.release(), page.release()]);
  const rows = [
    ['best', 0],
    ['median', 0.5],
  ].map(([word, q]) => {
    const [ours, native, theirs] = ['compiled', 'node', 'web'].map((side) => quantile(times[side], q));
    return { name, kept, weights, bytes: wasm.length, measure: word, ours, native, theirs };
  });
  for (const { measure: word, ours, native, theirs } of rows)
    console.log(
      `${name.padEnd(14)} ${word.padEnd(6)} compiled ${ours.toFixed(4)} ms, onnxruntime-node ${native.toFixed(4)} (${(native / ours).toFixed(2)} x), onnxruntime-web ${theirs.toFixed(4)} (${(theirs / ours).toFixed(2)} x)`,
    );
  return rows;
}

function record(rows) {
  const head =
    'date,processor,node,case,kept,weights,bytes,measure,rounds,compiled ms,onnxruntime-node ms,onnxruntime-web ms\n';
  if (!existsSync(values.csv)) appendFileSync(values.csv, head);
  const about = [new Date().toISOString().slice(0, 10), cpus()[0]?.model.replaceAll(',', ' ').trim(), process.version];
  for (const { name, kept, weights, bytes, measure: word, ours, native, theirs } of rows) {
    const numbers = [ours, native, theirs].map((x) => x.toFixed(4));
    appendFileSync(
      values.csv,
      `${[...about, name, kept, weights, bytes, word, values.rounds, ...numbers].join(',')}\n`,
    );
  }
}

for (const name of positionals.length > 0 ? positionals : CASES) {
  const rows = await measure(name);
  if (values.csv !== undefined) record(rows);
}
