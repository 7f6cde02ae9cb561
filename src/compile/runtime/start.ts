import type { Manifest, PortManifest } from './manifest.ts';

/** What a model is given and gives, by name. */
export type Arrays = Readonly<Record<string, ArrayLike<number> | BigInt64Array | BigUint64Array>>;

/** What a started model does. */
export interface StartedModel {
  readonly inputs: readonly Pick<PortManifest, 'name' | 'type' | 'dims'>[];
  readonly outputs: readonly Pick<PortManifest, 'name' | 'type' | 'dims'>[];
  run(feeds: Arrays): Record<string, ArrayBufferView>;
}

/**
 * Makes the runtime of compiled models. Its text is what a compiled model's JavaScript file holds, so it refers to nothing outside itself.
 *
 * @returns  `start`, which makes a model ready to run from the bytes of its file, and the class of its errors
 */
export function makeRuntime() {
  /** The caller or the surroundings are wrong. */
  class CompiledModelError extends Error {
    readonly code: string;
    constructor(code: string, message: string) {
      super(message);
      this.name = 'CompiledModelError';
      this.code = code;
    }
  }

  const half = (bits: number): number => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  };

  const reader = (bytes: Uint8Array, form: Manifest['form']): ((i: number) => number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (form === 'f32') return (i) => view.getFloat32(4 * i, true);
    return form === 'f16' ? (i) => half(view.getUint16(2 * i, true)) : (i) => view.getInt8(i);
  };

  /** Writes the tables that kernels read: for each block of outputs where its entries end, its biases, and its entries. */
  const expand = (manifest: Manifest, parts: Record<string, Uint8Array>, memory: ArrayBuffer): void => {
    const words = new Int32Array(memory);
    const floats = new Float32Array(memory);
    const gaps = parts.gaps as Uint8Array;
    const value = reader(parts.values as Uint8Array, manifest.form);
    const scale = reader(parts.scales as Uint8Array, 'f32');
    const bias = reader(parts.biases as Uint8Array, 'f32');
    let [nextGap, nextValue, firstOutput] = [0, 0, 0];
    for (const { at, share, outputs, entries, channels, taps, channelStride, groups, groupStride } of manifest.tables) {
      const positions = channels * taps.length;
      let word = at / 4;
      let block = -1;
      let header = word;
      const openUntil = (last: number): void => {
        while (block < last) {
          if (block >= 0) words[header] = 4 * word;
          block++;
          header = word++;
          for (let r = 0; r < share; r++) floats[word++] = bias(firstOutput + block * share + r);
        }
      };
      let position = -1;
      for (let i = 0; i < entries; i++) {
        let gap = gaps[nextGap++] as number;
        for (; gap === 255; gap = gaps[nextGap++] as number) position += 255;
        position += gap + 1;
        openUntil(Math.floor(position / positions));
        const p = position - block * positions;
        const group = Math.floor((block * share * groups) / outputs);
        const channel = Math.floor(p / taps.length);
        words[word++] =
          4 * ((taps[p - channel * taps.length] as number) + channel * channelStride + group * groupStride);
        for (let r = 0; r < share; r++) {
          const w = value(nextValue++);
          floats[word++] = manifest.form === 'int8' ? w * scale(firstOutput + block * share + r) : w;
        }
      }
      openUntil(outputs / share - 1);
      words[header] = 4 * word;
      firstOutput += outputs;
    }
  };

  const split = (bytes: Uint8Array): { manifest: Manifest; parts: Record<string, Uint8Array> } => {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const manifest = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Manifest;
    const parts: Record<string, Uint8Array> = {};
    let at = 4 + length;
    for (const [name, size] of Object.entries(manifest.streams)) {
      parts[name] = bytes.subarray(at, at + size);
      at += size;
    }
    return { manifest, parts };
  };

  const wrong = (port: PortManifest, wanted: string, got: string): CompiledModelError =>
    new CompiledModelError(
      'input',
      `Cannot run the model: input "${port.name}" must be ${wanted}, current value is ${got}`,
    );

  /** An input or output, and where it lies. */
  interface Bound {
    readonly port: PortManifest;
    readonly floats: Float32Array;
    readonly words: Int32Array;
  }

  const bound = (port: PortManifest, memory: ArrayBuffer): Bound => ({
    port,
    floats: new Float32Array(memory, port.at, port.length),
    words: new Int32Array(memory, port.at, port.length),
  });

  const feed = ({ port, floats, words: to }: Bound, value: unknown): void => {
    const isFloat = port.type === 'float32';
    if (!ArrayBuffer.isView(value) || value instanceof DataView)
      throw wrong(port, `a typed array of [${port.dims}]`, value === undefined ? 'absent' : typeof value);
    const array = value as unknown as ArrayLike<number | bigint>;
    if (array.length !== port.length)
      throw wrong(port, `${port.length} elements of [${port.dims}]`, `${array.length} elements`);
    const isBig = value instanceof BigInt64Array || value instanceof BigUint64Array;
    const isFraction = value instanceof Float32Array || value instanceof Float64Array;
    if (isFloat !== isFraction)
      throw wrong(port, isFloat ? 'a Float32Array' : 'an array of whole numbers', value.constructor.name);
    if (isFloat) {
      floats.set(value as Float32Array);
      return;
    }
    if (!isBig) to.set(array as ArrayLike<number>);
    else
      for (let i = 0; i < port.length; i++) {
        const x = Number(array[i]);
        if (x !== (x | 0)) throw wrong(port, 'whole numbers of 32 bits', String(x));
        to[i] = x;
      }
  };

  const INTEGERS: Record<string, { from(values: Int32Array): ArrayBufferView }> = {
    int8: Int8Array,
    uint8: Uint8Array,
    bool: Uint8Array,
    int16: Int16Array,
    uint16: Uint16Array,
    int32: Int32Array,
    uint32: Uint32Array,
  };

  const given = ({ port, floats, words }: Bound): ArrayBufferView => {
    if (port.type === 'float32') return floats.slice();
    if (port.type === 'int64' || port.type === 'uint64') {
      const wide = new (port.type === 'int64' ? BigInt64Array : BigUint64Array)(words.length);
      for (let i = 0; i < words.length; i++) wide[i] = BigInt(words[i] as number);
      return wide;
    }
    return (INTEGERS[port.type] as { from(values: Int32Array): ArrayBufferView }).from(words);
  };

  const compiled = async (source: Uint8Array | WebAssembly.Module): Promise<WebAssembly.Module> => {
    if (source instanceof WebAssembly.Module) return source;
    try {
      return await WebAssembly.compile(source as BufferSource);
    } catch (cause) {
      throw new CompiledModelError(
        'environment',
        `Cannot load the model: WebAssembly with 128-bit vectors is needed; ${cause}`,
      );
    }
  };

  /** The variant with fused multiply-adds, where the machine has them and lets programs be made. */
  const relaxedOr = async (outer: WebAssembly.Module, bytes: Uint8Array): Promise<WebAssembly.Module> => {
    if (bytes.length === 0 || !WebAssembly.validate(bytes as BufferSource)) return outer;
    return WebAssembly.compile(bytes as BufferSource).catch(() => outer);
  };

  const start = async (source: Uint8Array | WebAssembly.Module): Promise<StartedModel> => {
    const outer = await compiled(source);
    const [section] = WebAssembly.Module.customSections(outer, 'coppice');
    if (section === undefined)
      throw new CompiledModelError('file', 'Cannot load the model: the file is no compiled model');
    const { manifest, parts } = split(new Uint8Array(section));
    const module = await relaxedOr(outer, parts.relaxed as Uint8Array);
    let memory: ArrayBuffer;
    let run: () => void;
    try {
      const own = new WebAssembly.Memory({ initial: Math.ceil(manifest.memory / 65536) });
      memory = own.buffer as ArrayBuffer;
      const instance = await WebAssembly.instantiate(module, { env: { memory: own } });
      run = instance.exports.run as () => void;
    } catch (cause) {
      throw new CompiledModelError(
        'memory',
        `Cannot load the model: ${manifest.memory} bytes of memory are needed; ${cause}`,
      );
    }
    let from = 0;
    for (const { at, bytes: size } of manifest.constants) {
      new Uint8Array(memory, at, size).set((parts.constants as Uint8Array).subarray(from, from + size));
      from += size;
    }
    expand(manifest, parts, memory);
    const inputs = manifest.inputs.map((port) => bound(port, memory));
    const outputs = manifest.outputs.map((port) => bound(port, memory));
    return {
      inputs: manifest.inputs,
      outputs: manifest.outputs,
      run(feeds) {
        for (const name of Object.keys(feeds))
          if (!manifest.inputs.some((port) => port.name === name))
            throw new CompiledModelError(
              'input',
              `Cannot run the model: it has no input "${name}"; its inputs are ${manifest.inputs.map((port) => port.name).join(', ')}`,
            );
        for (const input of inputs) feed(input, feeds[input.port.name]);
        run();
        const results: Record<string, ArrayBufferView> = {};
        for (const output of outputs) results[output.port.name] = given(output);
        return results;
      },
    };
  };
  return { start, CompiledModelError };
}
