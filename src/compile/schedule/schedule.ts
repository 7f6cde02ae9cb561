import { sizeOf } from '../../tensor/tensor.ts';
import { type Expression, operand, replaceOperands } from '../expression/expression.ts';
import type {
  AliasOperation,
  ConvOperation,
  LinearOperation,
  MapOperation,
  Operation,
  PlaceOperation,
  Reads,
  ReduceOperation,
  Value,
  WindowOperation,
} from '../operation.ts';
import { type Borders, borderOf, bordersOf, isPhased, phaseSize, tilesTogether } from './convolution-form.ts';
import { type Border, covers, elementsOf, type Geometry, geometryOf, kindOf, NO_BORDER, upToFour } from './geometry.ts';
import { halvingStep, isHalving } from './halving.ts';
import { Layout } from './layout.ts';
import { type Life, OWN, PLAIN } from './memory.ts';
import { blocksOf, type Source, sourceOf, tapsOf } from './source.ts';
import type { Beside, Buffer, Nest, Step, Table, Walk } from './step.ts';
import { bestShare, MOST_VECTORS } from './table.ts';
import { tilingsOf } from './tiling.ts';
import { reshaped, rowMajor, type View, walkOf } from './view.ts';

/** Calls of kernels in order, and where the values that callers see lie. */
export interface Schedule {
  readonly steps: readonly Step[];
  readonly inputs: ReadonlyMap<Value, View>;
  readonly outputs: ReadonlyMap<Value, View>;
  readonly lives: ReadonlyMap<Buffer, Life>;
}

/** Turns operations into calls of kernels: layouts, borders, tables. */
export function schedule(
  operations: readonly Operation[],
  inputs: readonly Value[],
  outputs: readonly Value[],
): Schedule {
  return new Scheduler(operations, outputs).run(inputs, outputs);
}

/** Times that an element is read from which on a copy in a better order pays. */
const READ_OFTEN = 16;

/** Whether an expression is the product of two operands. */
function isProduct(map: Expression): boolean {
  return map.kind === 'apply' && map.fn === 'mul' && map.args.every(({ kind }) => kind === 'operand');
}

class Scheduler {
  readonly #operations: readonly Operation[];
  readonly #borders: Borders;
  /** Pictures that lie tile by tile, and where. */
  readonly #apart: ReadonlySet<Value>;
  readonly #tiles = new Map<Value, Source>();
  readonly #layout: Layout;
  readonly #steps: Step[] = [];
  readonly #phases = new Map<Value, Map<string, { readonly buffer: Buffer; readonly geometry: Geometry }>>();
  readonly #tables = new Map<Float32Array, Table[]>();

  constructor(operations: readonly Operation[], outputs: readonly Value[]) {
    this.#operations = operations;
    this.#apart = tilesTogether(operations, new Set(outputs));
    this.#borders = bordersOf(operations);
    this.#layout = new Layout(this.#borders);
  }

  run(inputs: readonly Value[], outputs: readonly Value[]): Schedule {
    const fed = new Map(inputs.map((value) => [value, this.#layout.dense(value, OWN)]));
    for (const [value, view] of fed) this.#layout.set(value, view);
    for (const operation of this.#operations) this.#operation(operation);
    const given = new Map(outputs.map((value) => [value, this.#output(value)]));
    return { steps: this.#steps, inputs: fed, outputs: given, lives: livesOf(this.#steps) };
  }

  #operation(operation: Operation): void {
    switch (operation.kind) {
      case 'map':
        return this.#map(operation);
      case 'reduce':
        return this.#reduce(operation);
      case 'window':
        return this.#window(operation);
      case 'alias':
        return this.#alias(operation);
      case 'place':
        return this.#place(operation);
      case 'conv':
        return this.#conv(operation);
      case 'linear':
        return this.#linear(operation);
    }
  }

  /** Picks name an axis; kernels want its stride. */
  #resolved(expression: Expression, reads: readonly Reads[]): Expression {
    const strideOf = (at: number, axis: number): number =>
      this.#layout.view(reads[at]?.value as Value).strides[axis] as number;
    const visit = (part: Expression): Expression => {
      if (part.kind === 'apply') return { ...part, args: part.args.map(visit) };
      if (part.kind !== 'pick') return part;
      return { ...part, index: visit(part.index), stride: strideOf(part.operand, part.stride) };
    };
    const hasPick = JSON.stringify(expression).includes('"pick"');
    return hasPick ? visit(expression) : expression;
  }

  #map({ node, out, reads, expression }: MapOperation): void {
    const isWhole = ({ axes }: Reads): boolean => axes.every((axis, i) => axis === i || out.dims[i] === 1);
    const like = reads.filter(isWhole).map(({ value }) => this.#layout.view(value));
    const operands = this.#layout.walks(reads);
    const map = this.#resolved(expression, reads);
    const to = this.#layout.make(out, like);
    this.#nest(node, { to, operands, map });
  }

  #nest(
    label: string,
    {
      to,
      operands,
      map,
      counts = to.dims,
    }: {
      readonly to: View;
      readonly operands: readonly Walk[];
      readonly map: Expression;
      readonly counts?: readonly number[];
    },
  ): void {
    this.#steps.push({
      kind: 'nest',
      label,
      counts,
      reduced: 0,
      combine: 'add',
      out: walkOf(to, [...to.dims.keys()]),
      operands,
      map,
      finish: operand(-1),
    });
  }

  #reduce({ node, out, over, reads, combine, map, finish }: ReduceOperation): void {
    const formula = this.#resolved(map, reads);
    const operands = isProduct(map) ? this.#sideBySide(node, out, reads) : this.#layout.walks(reads);
    const to = this.#layout.make(out);
    const axes = [...to.dims.keys(), ...over.map(() => null)];
    const step: Nest = {
      kind: 'nest',
      label: node,
      counts: [...to.dims, ...over],
      reduced: over.length,
      combine,
      out: walkOf(to, axes),
      operands,
      map: formula,
      finish,
    };
    this.#steps.push(step);
  }

  /** Operands of sums of products: what is read often enough lies with its neighbours along the output's last axis side by side. */
  #sideBySide(node: string, out: Value, reads: readonly Reads[]): Walk[] {
    const walks = this.#layout.walks(reads);
    const last = out.dims.length - 1;
    const isApart = ({ strides }: Walk): boolean => (strides[last] as number) > 1;
    const apart = walks.findIndex(isApart);
    const { value, axes } = reads[apart] ?? { value: out, axes: [] };
    const repeats = out.dims.reduce((product, count, loop) => (axes[loop] === null ? product * count : product), 1);
    if (
      apart < 0 ||
      walks.filter(isApart).length > 1 ||
      repeats < READ_OFTEN ||
      (out.dims[last] as number) < READ_OFTEN
    )
      return walks;
    const axis = axes[last] as number;
    const order = [axis, ...[...value.dims.keys()].filter((other) => other !== axis).reverse()];
    const strides = value.dims.map(() => 0);
    let stride = 1;
    for (const each of order) {
      strides[each] = stride;
      stride *= each === axis ? upToFour(value.dims[each] as number) : (value.dims[each] as number);
    }
    const buffer = this.#layout.buffer(value.name, stride + 4, PLAIN);
    const copy = this.#copied(node, value, { buffer, offset: 0, dims: value.dims, strides });
    return walks.map((walk, i) => (i === apart ? walkOf(copy, axes) : walk));
  }

  #window({ node, out, x, kernel, strides, dilations, combine, finish, beside }: WindowOperation): void {
    const from = this.#layout.view(x);
    const to = this.#layout.make(out);
    const spatial = (factors: readonly number[]): number[] =>
      factors.map((f, i) => f * (from.strides[i + 2] as number));
    const walk: Walk = {
      buffer: from.buffer,
      offset: from.offset,
      strides: [...from.strides.slice(0, 2), ...spatial(strides), ...spatial(dilations)],
    };
    const none = kernel.map(() => null);
    const others = beside.map(({ value, axes }) => walkOf(this.#layout.view(value), [...axes, ...none]));
    this.#steps.push({
      kind: 'nest',
      label: node,
      counts: [...to.dims, ...kernel],
      reduced: kernel.length,
      combine,
      out: walkOf(to, [...to.dims.keys(), ...none]),
      operands: [walk, ...others],
      map: operand(0),
      finish: replaceOperands(
        finish,
        (i) => operand(i < 0 ? i : i + 1),
        (i) => i,
      ),
    });
  }

  #alias({ node, out, x, how }: AliasOperation): void {
    const view = this.#layout.view(x);
    if (how.kind === 'reshape') {
      const same = view.dims.join() === out.dims.join() ? view : reshaped(view, out.dims);
      this.#layout.set(out, same ?? (reshaped(this.#copied(node, x, this.#layout.dense(x)), out.dims) as View));
      return;
    }
    const { geometry, ...rest } = view;
    if (how.kind === 'axes') {
      const strides = how.axes.map((axis) => (axis === null ? 0 : (view.strides[axis] as number)));
      this.#layout.set(out, { ...rest, dims: out.dims, strides });
      return;
    }
    const { starts, steps } = how;
    const offset = view.offset + starts.reduce((sum, start, i) => sum + start * (view.strides[i] as number), 0);
    const strides = view.strides.map((stride, i) => stride * (steps[i] as number));
    const isWhole = out.dims[2] === view.dims[2] && out.dims[3] === view.dims[3] && steps.every((step) => step === 1);
    this.#layout.set(out, { ...rest, offset, dims: out.dims, strides, ...(isWhole && geometry && { geometry }) });
  }

  /** Copies a value into another layout. */
  #copied(label: string, x: Value, to: View): View {
    const walk = walkOf(this.#layout.view(x), [...x.dims.keys()]);
    this.#nest(`${label}: layout`, { to, operands: [walk], map: operand(0) });
    return to;
  }

  #place({ node, out, fill, parts }: PlaceOperation): void {
    const first = parts[0];
    const axes = first === undefined ? [] : [...first.x.dims.keys()];
    const model = first && this.#layout.view(first.x);
    const to = this.#layout.make(out, model === undefined ? [] : [{ ...model, dims: out.dims }]);
    if (fill !== null)
      this.#nest(`${node}: fill`, { to, operands: [], map: { kind: 'number', value: fill, element: out.element } });
    for (const { x, starts, steps } of parts) {
      const offset = to.offset + starts.reduce((sum, start, i) => sum + start * (to.strides[i] as number), 0);
      const strides = to.strides.map((stride, i) => stride * (steps[i] as number));
      const { geometry: _, ...rest } = to;
      const target: View = { ...rest, offset, dims: x.dims, strides };
      this.#nest(node, { to: target, operands: [walkOf(this.#layout.view(x), axes)], map: operand(0) });
    }
  }

  #conv(conv: ConvOperation): void {
    const [n, outputs, height, width] = conv.out.dims as [number, number, number, number];
    const source = this.#source(conv);
    const { to, beside } = this.#target(conv);
    const single = n * height * width === 1;
    const isWhole = isHalving(conv);
    const channels = (conv.x.dims[1] as number) / conv.groups;
    const share = isWhole ? 1 : bestShare(conv.weights, outputs, { groups: conv.groups, single });
    const table = this.#table({
      share,
      outputs,
      bias: conv.bias,
      weights: conv.weights,
      channels,
      taps: tapsOf(conv, source),
      channelStride: source.channel,
      groups: conv.groups,
      groupStride: channels * source.channel,
      ...(isWhole && { isWhole }),
    });
    const ends = {
      label: conv.node,
      table,
      x: { buffer: source.buffer, offset: source.offset },
      out: { buffer: to.buffer, offset: to.offset, stride: to.channel },
      finish: conv.epilogue.finish,
      beside,
    };
    const rows = { from: source.row, to: to.row };
    const batch = { count: n, from: source.image, to: to.image };
    const block = blocksOf(source, to);
    if (single) this.#steps.push({ kind: 'dots', ...ends });
    else if (isWhole) this.#steps.push(halvingStep(conv, { ...ends, rows, block: to.block, batch }));
    else
      this.#steps.push({
        kind: 'sums',
        ...ends,
        tilings: tilingsOf({ height, width, ...rows, block }, batch, MOST_VECTORS[share]),
        outputsFirst: conv.groups > 1,
      });
  }

  /** The table, or the one that was made of the same weights before: recurrent layers read theirs again and again. */
  #table(table: Table): Table {
    const made = this.#tables.get(table.weights) ?? [];
    const keyOf = ({ share, taps, channelStride, groups, groupStride, isWhole }: Table): string =>
      [share, channelStride, groups, groupStride, isWhole, ...taps].join();
    const found = made.find((other) => other.bias === table.bias && keyOf(other) === keyOf(table));
    if (found === undefined) this.#tables.set(table.weights, [...made, table]);
    return found ?? table;
  }

  /** What an epilogue reads, laid out like the output. */
  #beside({ node, epilogue, bias, out }: ConvOperation | LinearOperation, to: View): Beside[] {
    return epilogue.beside.map((value): Beside => {
      const view = this.#layout.view(value);
      const isLike = value.dims.join() === out.dims.join();
      if (
        !isLike ||
        (value.constant !== undefined && sizeOf(value.dims) === bias.length && sizeOf(out.dims) === bias.length)
      )
        return { buffer: view.buffer, offset: view.offset, per: 'output' };
      const isSame = view.strides.every((stride, i) => stride === to.strides[i] || view.dims[i] === 1);
      if (isSame) return { buffer: view.buffer, offset: view.offset, per: 'element' };
      const copy = this.#copied(node, value, this.#layout.like(to, value.name));
      return { buffer: copy.buffer, offset: copy.offset, per: 'element' };
    });
  }

  #source(conv: ConvOperation): Source {
    const tiles = this.#tiles.get(conv.x);
    if (tiles !== undefined) return tiles;
    if (isPhased(conv)) return this.#phased(conv);
    return this.#bordered(conv);
  }

  /** Where a convolution writes, and what its epilogue reads. */
  #target(conv: ConvOperation): { to: Source; beside: Beside[] } {
    if (!this.#apart.has(conv.out)) {
      const to = this.#layout.make(conv.out);
      return { to: sourceOf(to), beside: this.#beside(conv, to) };
    }
    const to = this.#layout.tiles(conv.out);
    this.#tiles.set(conv.out, to);
    const beside = conv.epilogue.beside.map((value): Beside => ({ ...this.#layout.view(value), per: 'output' }));
    return { to, beside };
  }

  /** The input with at least the border that is read. */
  #bordered(conv: ConvOperation): Source {
    const view = this.#layout.view(conv.x);
    const needed = borderOf(conv);
    const fits =
      view.geometry !== undefined && covers(view.geometry.border, needed) && view.strides[1] === view.geometry.plane;
    return sourceOf(
      fits ? view : this.#copied(conv.node, conv.x, this.#layout.planes(conv.x, this.#roomy(conv.x, needed))),
    );
  }

  #roomy(x: Value, needed: Border): Geometry {
    return this.#layout.geometry(x) ?? geometryOf(x.dims[2] as number, x.dims[3] as number, needed);
  }

  /** The input taken apart by the parity of rows and columns, so that strides are steps of one; shared by those who read it. */
  #phased(conv: ConvOperation): Source {
    const key = conv.strides.join('x');
    const made = this.#phases.get(conv.x) ?? new Map();
    this.#phases.set(conv.x, made);
    const [sy, sx] = conv.strides;
    const { buffer, geometry } = made.get(key) ?? this.#split(conv, made, key);
    const channel = sy * sx * geometry.plane;
    const image = (conv.x.dims[1] as number) * channel;
    const block = { rows: 1, stride: geometry.pitch };
    return { buffer, offset: geometry.lead, row: geometry.pitch, block, channel, image, phase: geometry.plane };
  }

  #split(
    conv: ConvOperation,
    made: Map<string, { readonly buffer: Buffer; readonly geometry: Geometry }>,
    key: string,
  ) {
    const border = this.#borders.phases.get(conv.x)?.get(key) ?? NO_BORDER;
    const [sy, sx] = conv.strides;
    const geometry = geometryOf(...phaseSize(conv), border);
    const [n, c, h, w] = conv.x.dims as [number, number, number, number];
    const count = n * c * sy * sx;
    const kind = `${kindOf(geometry)} of ${h}x${w} by ${key}`;
    const buffer = this.#layout.buffer(`${conv.x.name} by ${key}`, elementsOf(geometry, count), kind);
    const from = this.#layout.view(conv.x);
    const { plane, pitch, lead } = geometry;
    for (let py = 0; py < sy; py++)
      for (let px = 0; px < sx; px++) {
        const dims = [n, c, Math.ceil((h - py) / sy), Math.ceil((w - px) / sx)];
        const [a, b, row, column] = from.strides as [number, number, number, number];
        const walk: Walk = {
          buffer: from.buffer,
          offset: from.offset + py * row + px * column,
          strides: [a, b, row * sy, column * sx],
        };
        const offset = lead + (py * sx + px) * plane;
        const to: View = { buffer, offset, dims, strides: [c * sy * sx * plane, sy * sx * plane, pitch, 1] };
        this.#nest(`${conv.node}: phase`, { to, operands: [walk], map: operand(0) });
      }
    const result = { buffer, geometry };
    made.set(key, result);
    return result;
  }

  #linear(linear: LinearOperation): void {
    const { x, out, weights, bias } = linear;
    const outputs = bias.length;
    const k = weights.length / outputs;
    const rows = sizeOf(x.dims.slice(0, -1));
    const share = bestShare(weights, outputs, { single: rows === 1 });
    const table = { share, outputs, bias, weights, channels: k, taps: [0], groups: 1, groupStride: 0 };
    if (rows === 1) {
      const view = this.#layout.view(x);
      const to = this.#layout.make(out);
      this.#steps.push({
        kind: 'dots',
        label: linear.node,
        table: this.#table({ ...table, channelStride: view.strides.at(-1) ?? 1 }),
        x: { buffer: view.buffer, offset: view.offset },
        out: { buffer: to.buffer, offset: to.offset, stride: to.strides.at(-1) ?? 1 },
        finish: linear.epilogue.finish,
        beside: this.#beside(linear, to),
      });
      return;
    }
    const from = this.#columns(linear.node, x);
    const to = this.#layout.columnar(out);
    this.#layout.set(out, to);
    const large = this.#table({ ...table, channelStride: from.strides.at(-1) as number });
    this.#steps.push({
      kind: 'sums',
      label: linear.node,
      table: large,
      tilings: tilingsOf({ height: 1, width: rows, from: 0, to: 0 }, { count: 1, from: 0, to: 0 }, MOST_VECTORS[share]),
      outputsFirst: false,
      x: { buffer: from.buffer, offset: from.offset },
      out: { buffer: to.buffer, offset: to.offset, stride: to.strides.at(-1) as number },
      finish: linear.epilogue.finish,
      beside: this.#beside(linear, to),
    });
  }

  /** A matrix with its rows side by side, as vectors want them. */
  #columns(label: string, x: Value): View {
    const view = this.#layout.view(x);
    const wanted = this.#layout.columnar(x);
    const isSide = view.strides.slice(0, -1).every((stride, i) => stride === wanted.strides[i] || view.dims[i] === 1);
    const room = (view.strides.at(-1) as number) >= (wanted.strides.at(-1) as number);
    return isSide && room ? view : this.#copied(label, x, wanted);
  }

  /** A value that callers see, one element after another. */
  #output(value: Value): View {
    const view = this.#layout.view(value);
    const isDense = view.strides.every((stride, i) => stride === rowMajor(view.dims)[i] || view.dims[i] === 1);
    return isDense && view.buffer.kind === PLAIN && view.offset === 0
      ? this.#owned(view)
      : this.#copied('output', value, this.#layout.dense(value, OWN));
  }

  #owned(view: View): View {
    const buffer: Buffer = { ...view.buffer, kind: OWN };
    const swap = <T extends { readonly buffer: Buffer }>(at: T): T =>
      at.buffer === view.buffer ? { ...at, buffer } : at;
    for (const [i, step] of this.#steps.entries()) this.#steps[i] = withBuffers(step, swap);
    this.#layout.swap(swap);
    return { ...view, buffer };
  }
}

function withBuffers(step: Step, swap: <T extends { readonly buffer: Buffer }>(at: T) => T): Step {
  if (step.kind === 'nest') return { ...step, out: swap(step.out), operands: step.operands.map(swap) };
  return { ...step, x: swap(step.x), out: swap(step.out), beside: step.beside.map(swap) };
}

/** The buffers of a step: written first. */
export function buffersOf(step: Step): Buffer[] {
  const read = step.kind === 'nest' ? step.operands : [step.x, ...step.beside];
  return [step.out.buffer, ...read.map(({ buffer }) => buffer)];
}

function livesOf(steps: readonly Step[]): Map<Buffer, Life> {
  const lives = new Map<Buffer, Life>();
  steps.forEach((step, i) => {
    for (const buffer of buffersOf(step)) lives.set(buffer, { first: lives.get(buffer)?.first ?? i, last: i });
  });
  return lives;
}
