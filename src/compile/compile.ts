import { sizeOf } from '../tensor/tensor.ts';
import { joined, unsigned } from '../wasm/assembler.ts';
import { emitModule } from './emit.ts';
import type { Target, WeightForm } from './forms.ts';
import type { Frozen } from './frozen.ts';
import { fuse } from './fuse.ts';
import { lower } from './lower/lower.ts';
import { packedTable, packTables } from './pack/pack.ts';
import type { Manifest, PortManifest } from './runtime/manifest.ts';
import { checkBounds } from './schedule/bounds.ts';
import { planMemory } from './schedule/memory.ts';
import { type Schedule, schedule } from './schedule/schedule.ts';
import type { Buffer, Step, Table } from './schedule/step.ts';
import { entriesOf, tableBytes } from './schedule/table.ts';
import type { View } from './schedule/view.ts';

/** How a model is compiled. */
export interface CompileOptions {
  readonly weights?: WeightForm;
  readonly target?: Target;
}

/** What {@link compileModel} does when not told. */
export const COMPILE_DEFAULTS = { weights: 'f32', target: 'auto' } as const satisfies Required<CompileOptions>;

/** A compiled model and what is known of it. */
export interface CompiledModel {
  /** A WebAssembly module with everything in it; the runtime reads the section `coppice` of it. */
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly inputs: readonly PortManifest[];
  readonly outputs: readonly PortManifest[];
  /** Weights of layers that are kept. */
  readonly kept: number;
  readonly weights: number;
  /** Bytes of memory while it runs: values, and tables. */
  readonly memory: { readonly values: number; readonly tables: number };
  readonly steps: readonly Step[];
}

/** Bytes before everything else, always zero. */
const RESERVED = 64;

/**
 * Compiles a model into WebAssembly.
 *
 * @throws UnsupportedOpError  naming every node that is not covered, before anything is made
 */
export function compileModel(frozen: Frozen, options: CompileOptions = {}): CompiledModel {
  const { weights, target } = { ...COMPILE_DEFAULTS, ...options };
  const lowered = lower(frozen);
  const operations = fuse(lowered.operations, new Set(lowered.outputs));
  const plan = schedule(operations, lowered.inputs, lowered.outputs);
  checkBounds(plan.steps);
  return assembled(plan, { weights, target, typeOf: (name) => frozen.captured.get(name)?.type ?? 'float32' });
}

interface Assembly {
  readonly weights: WeightForm;
  readonly target: Target;
  readonly typeOf: (name: string) => string;
}

function assembled(plan: Schedule, { weights, target, typeOf }: Assembly): CompiledModel {
  const { steps, lives } = plan;
  const layout = laidOut(plan);
  const address = (buffer: Buffer): number => layout.places.get(buffer) as number;
  const table = (one: Table): number => layout.tables.get(one) as number;
  const emit = (fused: boolean): Uint8Array<ArrayBuffer> => emitModule(steps, { of: address, table }, { fused });
  const tables = [...layout.tables.keys()];
  const streams = packTables(tables, weights);
  const constants = [...lives.keys()].filter(({ data }) => data !== undefined);
  const bytesOf = (data: Float32Array | Int32Array): Uint8Array =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const parts = {
    constants: joined(constants.map(({ data }) => bytesOf(data as Float32Array))),
    gaps: streams.gaps,
    values: streams.values,
    scales: bytesOf(streams.scales),
    biases: bytesOf(streams.biases),
    relaxed: target === 'auto' ? emit(true) : new Uint8Array(0),
  };
  const port = ([value, { buffer, offset, dims }]: readonly [{ readonly name: string }, View]): PortManifest => ({
    name: value.name,
    type: typeOf(value.name),
    dims,
    at: address(buffer) + 4 * offset,
    length: sizeOf(dims),
  });
  const kept = tables.reduce((sum, one) => sum + one.weights.reduce((count, w) => (w === 0 ? count : count + 1), 0), 0);
  const all = tables.reduce((sum, one) => sum + one.weights.length, 0);
  const manifest: Manifest = {
    kept,
    weights: all,
    memory: layout.bytes,
    inputs: [...plan.inputs].map(port),
    outputs: [...plan.outputs].map(port),
    form: weights,
    tables: tables.map((one) => packedTable(one, table(one))),
    constants: constants.map((buffer) => ({ at: address(buffer), bytes: buffer.data?.byteLength ?? 0 })),
    streams: Object.fromEntries(
      Object.entries(parts).map(([name, bytes]) => [name, bytes.length]),
    ) as Manifest['streams'],
  };
  const json = new TextEncoder().encode(JSON.stringify(manifest));
  const head = new Uint8Array(Uint32Array.of(json.length).buffer);
  const section = joined([head, json, ...Object.values(parts)]);
  return {
    wasm: withSection(emit(target === 'relaxed-simd'), 'coppice', section),
    inputs: manifest.inputs,
    outputs: manifest.outputs,
    kept,
    weights: all,
    memory: { values: layout.bytes - layout.fixed, tables: layout.fixed },
    steps,
  };
}

interface Layout {
  readonly places: ReadonlyMap<Buffer, number>;
  readonly tables: ReadonlyMap<Table, number>;
  readonly fixed: number;
  readonly bytes: number;
}

/** Constants first, then tables, then values. */
function laidOut({ steps, lives, inputs }: Schedule): Layout {
  const places = new Map<Buffer, number>();
  const tables = new Map<Table, number>();
  let at = RESERVED;
  for (const buffer of lives.keys()) {
    if (buffer.data === undefined) continue;
    places.set(buffer, at);
    at += 16 * Math.ceil((4 * buffer.elements) / 16);
  }
  for (const step of steps) {
    if (step.kind === 'nest' || tables.has(step.table)) continue;
    tables.set(step.table, at);
    at += 16 * Math.ceil(tableBytes(step.table) / 16);
  }
  const all = new Map(lives);
  for (const { buffer } of inputs.values()) if (!all.has(buffer)) all.set(buffer, { first: 0, last: 0 });
  const plan = planMemory(all, at / 4);
  for (const [buffer, element] of plan.places) places.set(buffer, 4 * element);
  return { places, tables, fixed: at, bytes: 4 * plan.elements + 64 };
}

function withSection(module: Uint8Array, name: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const title = [name.length, ...[...name].map((letter) => letter.charCodeAt(0))];
  return joined([module, [0, ...unsigned(title.length + bytes.length), ...title], bytes]);
}

/** Entries of all layers, for tests and reports. */
export function entriesIn(steps: readonly Step[]): number {
  return steps.reduce((sum, step) => sum + (step.kind === 'nest' ? 0 : entriesOf(step.table)), 0);
}
