import { describe, expect, it } from 'vitest';
import { capture } from '../engine/capture.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { UnsupportedOpError } from '../errors/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { attributes } from '../ir/access.ts';
import type { Model } from '../ir/model.ts';
import { random } from '../tensor/random.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { activePaths, backward, isSeparable, targetsBehind } from './backward.ts';

const OPSET = 17;

function normal(dims: readonly number[], seed: string): Tensor<Float32Array> {
  const rng = random(seed);
  return float32(
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
    dims,
  );
}

/** A model with one input `x` and one output; `write` adds its nodes. */
function modelOf(xDims: readonly number[], write: (b: GraphBuilder, x: string) => string): { model: Model; y: string } {
  const b = new GraphBuilder();
  const y = write(b, b.input({ name: 'x', type: 'float32', shape: xDims }));
  b.expose(y);
  return { model: b.build({ opset: OPSET }), y };
}

function weight(b: GraphBuilder, name: string, dims: readonly number[]): string {
  return b.constant(normal(dims, name), name);
}

interface Asked {
  readonly model: Model;
  readonly y: string;
  readonly x: Tensor;
  readonly targets: readonly string[];
  readonly rows?: number;
}

async function gradientsOf({ model, y, x, targets, rows }: Asked): Promise<Map<string, Tensor>> {
  const captured = await capture(onnxruntimeNode, model, new Map([['x', x]]));
  const builder = new GraphBuilder(model.graph);
  const dims = captured.get(y)?.dims as readonly number[];
  const dy = builder.input({ name: 'dy', type: 'float32', shape: dims });
  const found = backward({
    builder,
    graph: model.graph,
    captured,
    opset: OPSET,
    cotangents: new Map([[y, dy]]),
    targets,
    ...(rows === undefined ? {} : { rows }),
  });
  for (const [name, value] of found) builder.output(value, `d ${name}`);
  if (found.size === 0) return new Map();
  const session = await onnxruntimeNode.createSession(builder.build({ opset: OPSET }), { threads: 1 });
  const out = await session.run(
    new Map([
      ['x', x],
      ['dy', normal(dims, 'dy')],
    ]),
  );
  await session.release();
  return new Map([...found.keys()].map((name) => [name, out.get(`d ${name}`) as Tensor]));
}

async function outputOf(model: Model, y: string, x: Tensor): Promise<Float32Array> {
  const session = await onnxruntimeNode.createSession(model, { threads: 1 });
  const out = await session.run(new Map([['x', x]]));
  await session.release();
  return out.get(y)?.data as Float32Array;
}

/** Largest difference between <dy, (f(w + hu) - f(w - hu)) / 2h> and <dw, u> over the targets, relative. */
async function deviation(asked: Asked, h: number): Promise<number> {
  const gradients = await gradientsOf(asked);
  let worst = 0;
  for (const target of asked.targets) {
    const constant = asked.model.graph.constants.get(target) as { dims: readonly number[] };
    const u = normal(constant.dims, `u ${target}`);
    const at = async (step: number): Promise<Float32Array> => {
      const w = normal(constant.dims, target.replace(/~.*/, ''));
      const moved = float32(
        w.data.map((v, i) => v + step * (u.data[i] as number)),
        constant.dims,
      );
      const raw = new Uint8Array(moved.data.buffer);
      const constants = new Map([
        ...asked.model.graph.constants,
        [target, { type: 'float32' as const, dims: constant.dims, raw }],
      ]);
      return outputOf({ ...asked.model, graph: { ...asked.model.graph, constants } }, asked.y, asked.x);
    };
    const [plus, minus] = [await at(h), await at(-h)];
    const dy = normal([plus.length], 'dy').data;
    const expected = plus.reduce(
      (sum, value, i) => sum + ((value - (minus[i] as number)) / (2 * h)) * (dy[i] as number),
      0,
    );
    const data = gradients.get(target)?.data as Float32Array;
    const found = data.reduce((sum, value, i) => sum + value * (u.data[i] as number), 0);
    worst = Math.max(worst, Math.abs(expected - found) / Math.abs(expected));
  }
  return worst;
}

describe('backward', () => {
  it('adds the gradients of a weight that is used twice', async () => {
    let w = '';
    const { model, y } = modelOf([4, 5], (b, x) => {
      w = weight(b, 'w', [5, 5]);
      return b.emit('MatMul', [b.emit('Sigmoid', [b.emit('MatMul', [x, w])]), w]);
    });
    expect(await deviation({ model, y, x: normal([4, 5], 'x'), targets: [w] }, 1e-2)).toBeLessThan(1e-3);
  });

  it('adds the gradients of a value that several nodes read', async () => {
    let w = '';
    const { model, y } = modelOf([4, 5], (b, x) => {
      w = weight(b, 'w', [5, 3]);
      const z = b.emit('MatMul', [x, w]);
      return b.emit('Sum', [b.emit('Neg', [z]), b.emit('Mul', [z, b.scalar(3)]), z]);
    });
    expect(await deviation({ model, y, x: normal([4, 5], 'x'), targets: [w] }, 1)).toBeLessThan(1e-5);
  });

  it('reaches a weight behind Transpose, Reshape, Unsqueeze, Squeeze and Identity', async () => {
    let w = '';
    const { model, y } = modelOf([4, 6], (b, x) => {
      w = weight(b, 'w', [2, 3, 5]);
      const flat = b.emit('Reshape', [b.emit('Transpose', [w], { perm: [2, 0, 1] }), b.ints([5, 6])]);
      const wrapped = b.emit('Squeeze', [b.emit('Unsqueeze', [b.emit('Identity', [flat]), b.ints([0])]), b.ints([0])]);
      return b.emit('MatMul', [x, b.emit('Transpose', [wrapped])]);
    });
    const asked = { model, y, x: normal([4, 6], 'x'), targets: [w] };
    expect(await deviation(asked, 1)).toBeLessThan(1e-5);
    const total = (await gradientsOf(asked)).get(w)?.data as Float32Array;
    const rows = (await gradientsOf({ ...asked, rows: 4 })).get(w) as Tensor<Float32Array>;
    expect(rows.dims).toEqual([4, 2, 3, 5]);
    total.forEach((value, j) => {
      const sum = [0, 1, 2, 3].reduce((s, i) => s + (rows.data[i * 30 + j] as number), 0);
      expect(sum).toBeCloseTo(value, 4);
    });
  });

  it('sums over broadcast axes', async () => {
    let w = '';
    const { model, y } = modelOf([4, 3, 5], (b, x) => {
      w = weight(b, 'w', [3, 1]);
      return b.emit('Mul', [x, w]);
    });
    expect(await deviation({ model, y, x: normal([4, 3, 5], 'x'), targets: [w] }, 1)).toBeLessThan(1e-5);
  });

  it('fills in zeros for outputs that nothing depends on', async () => {
    let w = '';
    const { model, y } = modelOf([4, 5], (b, x) => {
      w = weight(b, 'w', [5, 6]);
      return b.emitAll('Split', [b.emit('MatMul', [x, w]), b.ints([2, 3, 1])], 3, { axis: 1 })[1] as string;
    });
    expect(await deviation({ model, y, x: normal([4, 5], 'x'), targets: [w] }, 1)).toBeLessThan(1e-5);
  });

  it('leaves out a target without influence', async () => {
    let [w, idle] = ['', ''];
    const { model, y } = modelOf([4, 5], (b, x) => {
      [w, idle] = [weight(b, 'w', [5, 3]), weight(b, 'idle', [3])];
      b.emit('Add', [b.emit('MatMul', [x, w]), idle]);
      const signs = b.emit('Sign', [b.emit('Mul', [x, b.emit('ReduceSum', [idle], { keepdims: 0 })])]);
      return b.emit('Add', [b.emit('MatMul', [x, w]), b.emit('MatMul', [signs, w])]);
    });
    const found = await gradientsOf({ model, y, x: normal([4, 5], 'x'), targets: [w, idle] });
    expect([...found.keys()]).toEqual([w]);
  });

  it('sums groups of samples where fewer rows are asked for', async () => {
    let w = '';
    const { model, y } = modelOf([6, 5], (b, x) => {
      w = weight(b, 'w', [5, 3]);
      return b.emit('Relu', [b.emit('MatMul', [x, w])]);
    });
    const asked = { model, y, x: normal([6, 5], 'x'), targets: [w] };
    const [each, pairs] = await Promise.all([gradientsOf({ ...asked, rows: 6 }), gradientsOf({ ...asked, rows: 3 })]);
    const [a, b] = [each.get(w)?.data as Float32Array, pairs.get(w)?.data as Float32Array];
    b.forEach((value, i) =>
      expect(value).toBeCloseTo(
        (a[Math.floor(i / 15) * 30 + (i % 15)] as number) + (a[Math.floor(i / 15) * 30 + 15 + (i % 15)] as number),
        5,
      ),
    );
  });
});

/** The elements of a [4, 5] in ascending order: an operator that has no gradient rule. */
function withoutRule(b: GraphBuilder, x: string): string {
  return b.emit('Reshape', [b.emit('Unique', [x]), b.ints([4, 5])]);
}

describe('refusals', () => {
  it('lists every node without a gradient, with its reason, before anything is emitted', async () => {
    const { model, y } = modelOf([1, 2, 4, 4], (b, x) => {
      const z = b.emit('Conv', [x, weight(b, 'w', [2, 2, 1, 1])]);
      const grid = b.constant(float32([0, 0.5], [1, 1, 1, 2]));
      return b.emit('Unique', [b.emit('GridSample', [z, grid], { mode: 'bicubic' })]);
    });
    const captured = await capture(onnxruntimeNode, model, new Map([['x', normal([1, 2, 4, 4], 'x')]]));
    const builder = new GraphBuilder(model.graph);
    const before = builder.nodes.length;
    const run = (): unknown =>
      backward({
        builder,
        graph: model.graph,
        captured,
        opset: OPSET,
        cotangents: new Map([[y, y]]),
        targets: [...model.graph.constants.keys()].filter((name) => name.startsWith('w')),
      });
    expect(run).toThrow(UnsupportedOpError);
    expect(run).toThrow(
      /GridSample, opset 17\): mode must be "linear", "bilinear" or "nearest", current value is "bicubic"; .*Unique, opset 17\): no gradient rule/,
    );
    expect(builder.nodes.length).toBe(before);
  });

  it('passes over nodes that no target lies behind', async () => {
    let w = '';
    const { model, y } = modelOf([4, 5], (b, x) => {
      w = weight(b, 'w', [5, 3]);
      return b.emit('MatMul', [withoutRule(b, x), w]);
    });
    expect((await gradientsOf({ model, y, x: normal([4, 5], 'x'), targets: [w] })).has(w)).toBe(true);
  });

  it('names the targets behind such nodes, and no others', async () => {
    let names: string[] = [];
    const { model, y } = modelOf([4, 5], (b, x) => {
      names = ['first', 'second', 'third'].map((name) => weight(b, name, [5, 5]));
      const [first, second, third] = names as [string, string, string];
      const refused = withoutRule(b, b.emit('Sigmoid', [b.emit('MatMul', [x, first])]));
      return b.emit('Add', [b.emit('MatMul', [refused, second]), b.emit('MatMul', [x, third])]);
    });
    const captured = await capture(onnxruntimeNode, model, new Map([['x', normal([4, 5], 'x')]]));
    const paths = activePaths(model.graph, captured, names, [y]);
    expect(targetsBehind(model.graph, paths, names)).toEqual([names[0]]);
  });

  it('sees what subgraphs read from outside', async () => {
    const inner = new GraphBuilder();
    const branch = (value: string): Model['graph'] => {
      const own = new GraphBuilder();
      own.nodes.push({ name: '', op: 'Relu', domain: '', inputs: [value], outputs: ['branch'], attributes: new Map() });
      own.outputs.push({ name: 'branch', type: 'float32', shape: null });
      return own.build().graph;
    };
    const x = inner.input({ name: 'x', type: 'float32', shape: [4, 5] });
    const w = weight(inner, 'w', [5, 3]);
    const z = inner.emit('MatMul', [x, w]);
    const condition = inner.constant({ type: 'bool', dims: [], data: Uint8Array.of(1) });
    const graphs = new Map(
      [...attributes({})].concat(
        (['then_branch', 'else_branch'] as const).map((name) => [name, { kind: 'graph', value: branch(z) }]),
      ),
    );
    inner.nodes.push({ name: 'if', op: 'If', domain: '', inputs: [condition], outputs: ['y'], attributes: graphs });
    inner.expose('y');
    await expect(
      gradientsOf({ model: inner.build({ opset: OPSET }), y: 'y', x: normal([4, 5], 'x'), targets: [w] }),
    ).rejects.toThrow(/"if" \(If/);
  });

  it('tells models whose weights mix samples from those whose do not', async () => {
    const check = async (write: (b: GraphBuilder, x: string, w: string) => string): Promise<boolean> => {
      let w = '';
      const { model, y } = modelOf([3, 3], (b, x) => {
        w = weight(b, 'w', [3, 3]);
        return write(b, x, w);
      });
      const captured = await capture(onnxruntimeNode, model, new Map([['x', normal([3, 3], 'x')]]));
      return isSeparable(model.graph, activePaths(model.graph, captured, [w], [y]));
    };
    expect(await check((b, x, w) => b.emit('MatMul', [x, w]))).toBe(true);
    expect(await check((b, x, w) => b.emit('MatMul', [w, x]))).toBe(false);
    expect(await check((b, x, w) => b.emit('Gemm', [x, w], { transA: 1 }))).toBe(false);
    expect(await check((b, x, w) => b.emit('MatMul', [x, b.emit('Exp', [w])]))).toBe(false);
  });
});
