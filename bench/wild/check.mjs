// node wild/check.mjs DENSE CLAIMS: results seen by the stock runtime alone, in a process of its own; prints a line of JSON after each.
// CLAIMS is a list of { method, pruned, layers, kept } in JSON, `pruned` the path of the result.
// Zeros are counted in what the runtime makes of the weights: they become outputs of the graph.
import { readFileSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { readModel } from '../../dist/onnx/files.node.js';
import { ModelProtoSchema, ValueInfoProtoSchema } from '../../dist/onnx/onnx_pb.js';
import { madeUp } from './inputs.mjs';

/** Samples that no method has seen: at most, and at least where running the dense model on them takes more than some seconds. */
const UNSEEN = { most: 128, least: 16, seconds: 8 };
const SETTINGS = { logSeverityLevel: 4 };
const [densePath, claimsPath] = process.argv.slice(2);

function withWeightsAsOutputs(bytes, claim) {
  const model = fromBinary(ModelProtoSchema, bytes);
  const there = new Set([...model.graph.output.map(({ name }) => name)]);
  const known = new Set([
    ...model.graph.initializer.map(({ name }) => name),
    ...model.graph.node.flatMap(({ output }) => output),
  ]);
  const shown = claim.layers.filter(({ name }) => known.has(name));
  for (const { name } of shown) if (!there.has(name)) model.graph.output.push(create(ValueInfoProtoSchema, { name }));
  return { bytes: toBinary(ModelProtoSchema, model), shown };
}

const asOrt = ({ type, data, dims }) => new ort.Tensor(type, type === 'bool' ? Uint8Array.from(data) : data, dims);

async function outputsOf(session, batches, wanted) {
  const all = [];
  for (const inputs of batches) {
    const feeds = Object.fromEntries([...inputs].map(([name, tensor]) => [name, asOrt(tensor)]));
    all.push(await session.run(feeds, wanted));
  }
  return all;
}

/** Squared error of a float output over all batches, in units of its variance about the mean of each element. */
function errorOf(dense, pruned, name) {
  const [a, b] = [dense, pruned].map((runs) => runs.map((run) => run[name].data));
  const first = a[0].length;
  if (a.some((data) => data.length !== first) || b.some((data) => data.length !== first)) return null;
  let [difference, spread] = [0, 0];
  const half = a[0] instanceof Uint16Array || dense[0][name].type === 'float16';
  const value = half ? halfToNumber : Number;
  const total = a.reduce((sum, data) => sum + data.reduce((s, x) => s + value(x), 0), 0);
  const mean = total / (first * a.length);
  for (let r = 0; r < a.length; r++)
    for (let i = 0; i < first; i++) {
      const [x, y] = [value(a[r][i]), value(b[r][i])];
      if (Number.isFinite(x) && !Number.isFinite(y)) return Number.POSITIVE_INFINITY;
      if (!Number.isFinite(x)) continue;
      difference += (x - y) ** 2;
      spread += (x - mean) ** 2;
    }
  return spread > 1e-12 * mean ** 2 * first ? difference / spread : null;
}

function halfToNumber(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The dense model's outputs on samples that no method has seen, and those samples. */
async function seenDense() {
  const { source } = await madeUp(await readModel(densePath), { seed: 'unseen', count: UNSEEN.most });
  const size = source.fixedBatch ?? 1;
  const batches = [];
  for (let start = 0; start + size <= source.count; start += size)
    batches.push((await source.feeds(Array.from({ length: size }, (_, i) => start + i))).inputs);
  const session = await ort.InferenceSession.create(densePath, SETTINGS);
  const [outputs, ends] = [[], performance.now() + 1000 * UNSEEN.seconds];
  for (const batch of batches) {
    if (outputs.length * size >= UNSEEN.least && performance.now() > ends) break;
    outputs.push(...(await outputsOf(session, [batch], session.outputNames)));
  }
  await session.release();
  return { names: session.outputNames, outputs, batches: batches.slice(0, outputs.length) };
}

async function checked(claim, { names, outputs, batches }) {
  const { bytes, shown } = withWeightsAsOutputs(readFileSync(claim.pruned), claim);
  await (await ort.InferenceSession.create(claim.pruned, SETTINGS)).release();
  const session = await ort.InferenceSession.create(bytes, SETTINGS);
  const after = await outputsOf(session, batches, session.outputNames);
  await session.release();
  const problems = [];
  for (const { name, zeros, zero } of shown) {
    if (zero === undefined) continue;
    const tensor = after[0][name];
    const elementOf = tensor.type === 'float16' ? (x) => x & 0x7fff : Number;
    const found = tensor.data.reduce((sum, x) => sum + (elementOf(x) === zero ? 1 : 0), 0);
    if (found !== zeros) problems.push(`zeros of ${name}: ${found} in the file, ${zeros} claimed`);
  }
  const nonzeros = claim.layers.reduce((sum, { size, zeros }) => sum + size - zeros, 0);
  if (nonzeros > claim.kept) problems.push(`${nonzeros} weights are not zero, ${claim.kept} were to be kept`);
  const errors = names
    .filter((name) => outputs[0][name].type.startsWith('float'))
    .map((name) => errorOf(outputs, after, name))
    .filter((error) => error !== null);
  return { error: errors.length === 0 ? null : errors.reduce((sum, e) => sum + e, 0) / errors.length, problems };
}

const failed = (thrown) => ({ fails: String(thrown.message ?? thrown) });
const plain = (_, x) => (x === Number.POSITIVE_INFINITY ? 'infinite' : x);
const dense = await seenDense().catch(failed);
for (const claim of JSON.parse(readFileSync(claimsPath, 'utf8'))) {
  const result = dense.fails ? dense : await checked(claim, dense).catch(failed);
  process.stdout.write(`${JSON.stringify({ method: claim.method, ...result }, plain)}\n`);
}
