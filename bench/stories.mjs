// npm run bench:stories [-- SPARSITY METHOD]: a small language model (stories260k) pruned by magnitude, CHITA and auto, judged by its own loss
// on stories that the methods did not see. Appends rows to bench/results/accuracy.csv; accuracy is that of the next token.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sparsity } from '../dist/budget/budget.js';
import { onnxruntimeNode as engine } from '../dist/engine/onnxruntime.node.js';
import { prune as prunePipeline } from '../dist/methods/prune.js';
import { readModel } from '../dist/onnx/files.node.js';
import { SHARED } from './problems.mjs';

const FILE = new URL('./results/accuracy.csv', import.meta.url);
/** Tokens of a window: a sample. */
const WINDOW = 128;
const BEGINNING = 1;
const FIRST_BYTE = 3;
/** Of the text, the last part is for the figure. */
const SHARE_FOR_TRAINING = 0.8;

/** Vocabulary of a llama2.c tokenizer file: strings and scores. */
function readVocabulary(path) {
  const bytes = readFileSync(path);
  const ids = new Map();
  const scores = [];
  for (let at = 4; at < bytes.length; ) {
    const length = bytes.readInt32LE(at + 4);
    ids.set(bytes.toString('utf8', at + 8, at + 8 + length), scores.length);
    scores.push(bytes.readFloatLE(at));
    at += 8 + length;
  }
  return { ids, scores, names: [...ids.keys()] };
}

/** Byte-pair encoding: of all neighbours that are a token together, those of the highest score are joined, again and again. */
function encode({ ids, scores, names }, text) {
  const bytesOf = (character) => [...Buffer.from(character)].map((byte) => byte + FIRST_BYTE);
  let tokens = [...text].flatMap((character) => ids.get(character) ?? bytesOf(character));
  for (;;) {
    let best = { score: Number.NEGATIVE_INFINITY, at: -1, id: -1 };
    for (let i = 0; i + 1 < tokens.length; i++) {
      const id = ids.get(names[tokens[i]] + names[tokens[i + 1]]);
      if (id !== undefined && scores[id] > best.score) best = { score: scores[id], at: i, id };
    }
    if (best.at < 0) return tokens;
    tokens = [...tokens.slice(0, best.at), best.id, ...tokens.slice(best.at + 2)];
  }
}

/** Samples of WINDOW tokens, and the token after each of them; every window begins as a story does. */
function windows(paragraphs, vocabulary) {
  const stream = paragraphs.flatMap((paragraph) => encode(vocabulary, `${paragraph}\n\n`));
  const count = Math.floor(stream.length / WINDOW);
  return Array.from({ length: count }, (_, i) => {
    const next = stream.slice(i * WINDOW, (i + 1) * WINDOW);
    return { tokens: [BEGINNING, ...next.slice(0, -1)], next };
  });
}

function sourceOf(samples) {
  return {
    count: samples.length,
    labelled: true,
    hasTargets: false,
    fixedBatch: null,
    feeds: async (indices) => {
      const picked = Array.from(indices, (i) => samples[i]);
      const data = BigInt64Array.from(
        picked.flatMap(({ tokens }) => tokens),
        BigInt,
      );
      return {
        inputs: new Map([['tokens', { type: 'int64', dims: [picked.length, WINDOW], data }]]),
        labels: Int32Array.from(picked.flatMap(({ next }) => next)),
      };
    },
  };
}

/** Mean cross-entropy of the next token, in nats, and how often it is the likeliest. */
async function judge(model, source) {
  const session = await engine.createSession(model);
  let [loss, hits, count] = [0, 0, 0];
  for (let i = 0; i < source.count; i++) {
    const { inputs, labels } = await source.feeds([i]);
    const logits = (await session.run(inputs)).get('logits').data;
    const classes = logits.length / labels.length;
    labels.forEach((label, t) => {
      const row = logits.subarray(t * classes, (t + 1) * classes);
      const top = row.reduce((a, b) => Math.max(a, b));
      loss += top + Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0)) - row[label];
      hits += row[label] === top ? 1 : 0;
      count++;
    });
  }
  await session.release();
  return { loss: loss / count, accuracy: hits / count };
}

/** A row of accuracy.csv. */
function rowOf({ method, share, options, accuracy, loss, seconds }) {
  const text = Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  const date = new Date().toISOString().slice(0, 10);
  const name = 'stories260k';
  return [
    date,
    name,
    name,
    method,
    share,
    1,
    options.lambda ?? '',
    text,
    accuracy,
    loss.toFixed(5),
    '',
    '',
    seconds.toFixed(1),
  ];
}

const [share = '0.5', only] = process.argv.slice(2);
const model = await readModel(join(SHARED, 'models', 'stories260k.onnx'));
const vocabulary = readVocabulary(join(SHARED, 'models', 'stories260k-tok512.bin'));
const text = readFileSync(join(SHARED, 'data', 'text', 'tinystories-197k.txt'), 'utf8');
const paragraphs = text.split(/\n{2,}/).filter((paragraph) => paragraph.trim() !== '');
const cut = Math.round(SHARE_FOR_TRAINING * paragraphs.length);
const [train, test] = [paragraphs.slice(0, cut), paragraphs.slice(cut)].map((part) =>
  sourceOf(windows(part, vocabulary)),
);
const dense = await judge(model, test);
console.log(
  `stories260k: ${train.count} windows to prune with, ${test.count} for the figure; ` +
    `dense loss ${dense.loss.toFixed(4)}, perplexity ${Math.exp(dense.loss).toFixed(3)}, next token ${(100 * dense.accuracy).toFixed(2)} %`,
);
const METHODS = [
  ['magnitude', {}],
  ['chita', { samples: 500, batch: 1, lambda: 1e-3 }],
  ['auto', { gradients: 6000 }],
];
for (const [method, options] of METHODS) {
  if (only !== undefined && method !== only) continue;
  const started = performance.now();
  const result = await prunePipeline(model, {
    engine,
    method,
    budget: sparsity(Number(share)),
    seed: 1,
    ...(method !== 'magnitude' && { source: train }),
    ...options,
  });
  const seconds = (performance.now() - started) / 1000;
  const { loss, accuracy } = await judge(result.model, test);
  appendFileSync(FILE, `${rowOf({ method, share, options, accuracy, loss, seconds }).join(',')}\n`);
  console.log(
    `${method.padEnd(10)} ${share}  loss ${loss.toFixed(4)}, perplexity ${Math.exp(loss).toFixed(3)}, next token ${(100 * accuracy).toFixed(2)} %, ${seconds.toFixed(1)} s`,
  );
}
