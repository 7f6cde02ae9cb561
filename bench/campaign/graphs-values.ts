import { liftAndCapture } from '../../src/engine/capture.ts';
import type { Model } from '../../src/ir/model.ts';
import { decodeModel } from '../../src/onnx/decode.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { RIGHT, type Verdict, wrong } from './campaign.ts';
import { type Drawn, drawn } from './random-graph.ts';

const TOLERANCE = 1e-5;

/** A network as it is, written and read again, and lifted to plain operators of a newer opset: the same outputs by the stock runtime. */
export async function valuesOf(key: string): Promise<Verdict> {
  const net = drawn(key);
  const { inputs } = await net.source.feeds(Array.from({ length: net.source.fixedBatch ?? 5 }, (_, i) => i));
  const known = await outputsOf(net, net.model, inputs);
  const written = await outputsOf(net, decodeModel(encodeModel(net.model)), inputs);
  const { model } = await liftAndCapture(net.engine, net.model, inputs);
  const lifted = await outputsOf(net, model, inputs);
  for (const [name, value] of known) {
    if (gap(value, written.get(name)) > 0) return wrong('the written file gives other values');
    if (!(gap(value, lifted.get(name)) <= TOLERANCE)) return wrong(`lifted from opset ${net.opset}: other values`);
  }
  return RIGHT;
}

async function outputsOf(
  { engine }: Drawn,
  model: Model,
  inputs: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const session = await engine.createSession(model);
  try {
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

/** The largest difference, relative to the largest value or 1; equal where neither is a number. */
function gap(a: Tensor, b: Tensor | undefined): number {
  if (b === undefined || String(a.dims) !== String(b.dims)) return Number.POSITIVE_INFINITY;
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  let [difference, largest] = [0, 1];
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i] as number, y[i] as number];
    if (Object.is(p, q) || (Number.isNaN(p) && Number.isNaN(q))) continue;
    difference = Math.max(difference, Number.isNaN(p - q) ? Number.POSITIVE_INFINITY : Math.abs(p - q));
    if (Number.isFinite(p)) largest = Math.max(largest, Math.abs(p));
  }
  return difference / largest;
}
