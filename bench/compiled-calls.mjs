// A compiled model's steps, callable one by one.
import { makeRuntime } from '../dist/compile/runtime/start.js';

/** Reads numbers in seven-bit groups. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }
  unsigned() {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.bytes[this.at++];
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 128) return value;
    }
  }
  signed() {
    let [value, shift] = [0, 0];
    for (;;) {
      const byte = this.bytes[this.at++];
      value |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 128) return shift < 32 && byte & 0x40 ? value | (-1 << shift) : value;
    }
  }
}

function unsigned(value) {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest < 128) return bytes;
  }
}

/** The module with all of its functions exported by number, and the calls of its last function. */
function opened(bytes) {
  const reader = new Reader(bytes, 8);
  const parts = [bytes.subarray(0, 8)];
  let [functions, calls] = [0, []];
  while (reader.at < bytes.length) {
    const from = reader.at;
    const id = bytes[reader.at++];
    const size = reader.unsigned();
    const begin = reader.at;
    if (id === 3) functions = reader.unsigned();
    if (id === 7) {
      const content = unsigned(functions);
      for (let i = 0; i < functions; i++) {
        const name = [...`f${i}`].map((letter) => letter.charCodeAt(0));
        content.push(name.length, ...name, 0, ...unsigned(i));
      }
      parts.push(Uint8Array.from([7, ...unsigned(content.length), ...content]));
    } else parts.push(bytes.subarray(from, begin + size));
    if (id === 10) calls = callsOf(reader);
    reader.at = begin + size;
  }
  return { module: new Uint8Array(Buffer.concat(parts)), calls };
}

function callsOf(reader) {
  const count = reader.unsigned();
  for (let i = 0; i < count - 1; i++) {
    const size = reader.unsigned();
    reader.at += size;
  }
  reader.unsigned();
  reader.unsigned();
  const calls = [];
  let values = [];
  for (;;) {
    const op = reader.bytes[reader.at++];
    if (op === 0x41) values.push(reader.signed());
    else if (op === 0x10) {
      calls.push({ index: reader.unsigned(), values });
      values = [];
    } else return calls;
  }
}

/** One function for each step, on the memory of a model that has run once on the feeds. */
export async function callableSteps(wasm, feeds) {
  const { module, calls } = opened(wasm);
  const memoryOf = WebAssembly.instantiate;
  let memory;
  WebAssembly.instantiate = (source, imports) => {
    memory = imports.env.memory;
    return memoryOf.call(WebAssembly, source, imports);
  };
  const started = await makeRuntime().start(wasm);
  WebAssembly.instantiate = memoryOf;
  started.run(Object.fromEntries([...feeds].map(([name, { data }]) => [name, data])));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  return calls.map(({ index, values }) => Object.assign(() => exports[`f${index}`](...values), { values, memory }));
}
