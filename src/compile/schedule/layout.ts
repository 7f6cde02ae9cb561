import { sizeOf } from '../../tensor/tensor.ts';
import type { Reads, Value } from '../operation.ts';
import { type Borders, sizeKey } from './convolution-form.ts';
import { elementsOf, type Geometry, geometryOf, kindOf, upToFour } from './geometry.ts';
import { FIXED, PLAIN } from './memory.ts';
import type { Source } from './source.ts';
import type { Buffer, Walk } from './step.ts';
import { rowsOfTile } from './tiling.ts';
import { rowMajor, type View, walkOf } from './view.ts';

/** Elements of a line of the cache. */
const LINE = 16;

/** Where the values of a program lie: the view of each in its buffer. Buffers are numbered in the order in which they are asked for. */
export class Layout {
  readonly #borders: Borders;
  readonly #views = new Map<Value, View>();
  #buffers = 0;

  /** @param borders  what convolutions read around pictures of each size */
  constructor(borders: Borders) {
    this.#borders = borders;
  }

  /** Remembers where a value lies. */
  set(value: Value, view: View): void {
    this.#views.set(value, view);
  }

  /** Puts all views into other buffers. */
  swap(to: (view: View) => View): void {
    for (const [value, view] of this.#views) this.#views.set(value, to(view));
  }

  /** A new buffer of so many elements; those of different kinds never share memory. */
  buffer(name: string, elements: number, kind: string, data?: Float32Array | Int32Array): Buffer {
    return { id: this.#buffers++, name, elements, kind, ...(data && { data }) };
  }

  /** A value's view; constants get a buffer when they are first read. */
  view(value: Value): View {
    const known = this.#views.get(value);
    if (known !== undefined) return known;
    if (value.constant === undefined) throw new Error(`the value "${value.name}" is read before it is made`);
    // vectors of every other element reach one behind the last
    const buffer = this.buffer(value.name, value.constant.length + 4, FIXED, value.constant);
    const view = { buffer, offset: 0, dims: value.dims, strides: rowMajor(value.dims) };
    this.#views.set(value, view);
    return view;
  }

  /** Elements one after another, in a buffer of their own. */
  dense(value: Value, kind = PLAIN): View {
    const { dims, name } = value;
    return { buffer: this.buffer(name, sizeOf(dims) + 4, kind), offset: 0, dims, strides: rowMajor(dims) };
  }

  /** Whole pictures with borders. */
  planes(value: Value, geometry: Geometry): View {
    const [n, c] = [value.dims[0] as number, value.dims[1] as number];
    const buffer = this.buffer(value.name, elementsOf(geometry, n * c), kindOf(geometry));
    const { plane, pitch, lead } = geometry;
    return { buffer, offset: lead, dims: value.dims, strides: [c * plane, plane, pitch, 1], geometry };
  }

  /** Pictures without borders, the same tile of all planes together; tiles lie a line further on so that planes are not all in one set of a cache. */
  tiles(value: Value): Source {
    const [n, c, height, width] = value.dims as [number, number, number, number];
    const pitch = upToFour(width);
    const rows = rowsOfTile(height, width);
    const channel = rows * pitch;
    const stride = c * channel + LINE;
    const image = Math.ceil(height / rows) * stride;
    const buffer = this.buffer(value.name, n * image + 4, PLAIN);
    const row = rows === 1 ? stride : pitch;
    return { buffer, offset: 0, row, block: { rows, stride }, channel, image, phase: 0 };
  }

  /** The geometry that pictures of a value's size have, if convolutions touch that size. */
  geometry(value: Value): Geometry | undefined {
    if (value.dims.length !== 4 || value.element !== 'f32') return undefined;
    const border = this.#borders.sizes.get(sizeKey(value));
    return border && geometryOf(value.dims[2] as number, value.dims[3] as number, border);
  }

  /** Memory for a computed value: pictures with borders, or axes in the order of another view's, or one after another. */
  make(value: Value, like: readonly View[] = []): View {
    const geometry = this.geometry(value);
    const view = geometry ? this.planes(value, geometry) : this.#ordered(value, like);
    this.#views.set(value, view);
    return view;
  }

  #ordered(value: Value, like: readonly View[]): View {
    const model = like.find(({ dims }) => dims.join() === value.dims.join());
    if (model === undefined || model.strides.some((s, i) => s <= 0 && (model.dims[i] as number) > 1))
      return this.dense(value);
    const order = [...value.dims.keys()].sort((a, b) => (model.strides[b] as number) - (model.strides[a] as number));
    const strides = value.dims.map(() => 0);
    let stride = 1;
    for (const axis of order.reverse()) {
      strides[axis] = stride;
      const next = stride * (value.dims[axis] as number);
      stride = stride === 1 && next > 4 ? upToFour(next) : next;
    }
    return { buffer: this.buffer(value.name, stride + 4, PLAIN), offset: 0, dims: value.dims, strides };
  }

  /** How a kernel walks over what it reads. */
  walks(reads: readonly Reads[]): Walk[] {
    return reads.map(({ value, axes }) => walkOf(this.view(value), axes));
  }

  /** The layout of a matrix with its rows side by side, as vectors want them. */
  columnar(value: Value): View {
    const { dims, name } = value;
    const rows = dims.slice(0, -1);
    const pitch = upToFour(sizeOf(rows));
    const buffer = this.buffer(name, pitch * (dims.at(-1) as number) + 4, PLAIN);
    return { buffer, offset: 0, dims, strides: [...rowMajor(rows), pitch] };
  }

  /** A view like another one, in a buffer of its own. */
  like(view: View, name: string): View {
    return { ...view, buffer: { ...view.buffer, id: this.#buffers++, name } };
  }
}
