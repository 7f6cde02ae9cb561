/** Bytes of WebAssembly code; nested lists are flattened when a module is put together. */
export type Code = readonly (number | Code)[];

/** Types of values, as the binary format numbers them. */
export const TYPE = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** A function without a result. Parameters are i32 all, the first locals. */
export interface WasmFunction {
  /** Name under which it is exported; '' = for other functions of the module alone. */
  readonly name: string;
  readonly parameters: number;
  /** Further locals: how many of which type, in order. */
  readonly locals: readonly (readonly [count: number, type: number])[];
  readonly body: Code;
}

/** Whole numbers in seven-bit groups, lowest first. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

/** An instruction of the vector extension. */
export const simd = (opcode: number, ...rest: number[]): Code => [0xfd, ...unsigned(opcode), ...rest];
/** Alignment is a hint to the engine only: none is claimed. */
const memory = (offset: number): number[] => [0, ...unsigned(offset)];

/** The instructions that the kernels use. Addresses are bytes; operands come first, as on the stack. */
export const op = {
  /** A memory instruction's offset, as it is encoded. */
  offset: (bytes: number): number[] => unsigned(bytes),
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number, value: Code): Code => [value, 0x21, ...unsigned(local)],
  i32: (value: number): Code => [0x41, ...signed(value)],
  add: (a: Code, b: Code): Code => [a, b, 0x6a],
  mul: (a: Code, b: Code): Code => [a, b, 0x6c],
  call: (index: number, values: readonly Code[]): Code => [values, 0x10, ...unsigned(index)],
  sub: (a: Code, b: Code): Code => [a, b, 0x6b],
  shiftLeft: (a: Code, bits: number): Code => [a, 0x41, ...signed(bits), 0x74],
  and: (a: Code, b: Code): Code => [a, b, 0x71],
  loadI32: (at: Code, offset = 0): Code => [at, 0x28, ...memory(offset)],
  loadF32: (at: Code, offset = 0): Code => [at, 0x2a, ...memory(offset)],
  storeF32: (at: Code, value: Code, offset = 0): Code => [at, value, 0x38, ...memory(offset)],
  addF32: (a: Code, b: Code): Code => [a, b, 0x92],
  mulF32: (a: Code, b: Code): Code => [a, b, 0x94],
  loadF64: (at: Code, offset = 0): Code => [at, 0x2b, ...memory(offset)],
  storeF64: (at: Code, value: Code, offset = 0): Code => [at, value, 0x39, ...memory(offset)],
  widen: (value: Code): Code => [value, 0xbb],
  addF64: (a: Code, b: Code): Code => [a, b, 0xa0],
  subF64: (a: Code, b: Code): Code => [a, b, 0xa1],
  divF64: (a: Code, b: Code): Code => [a, b, 0xa3],
  mulF64: (a: Code, b: Code): Code => [a, b, 0xa2],
  load: (at: Code, offset = 0): Code => [at, simd(0x00, ...memory(offset))],
  store: (at: Code, value: Code, offset = 0): Code => [at, value, simd(0x0b, ...memory(offset))],
  /** Two f32 in memory as two f64. */
  loadWide: (at: Code, offset = 0): Code => [at, simd(0x5d, ...memory(offset)), simd(0x5f)],
  zero: simd(0x0c, ...new Array<number>(16).fill(0)),
  splat: (value: Code): Code => [value, simd(0x14)],
  add2: (a: Code, b: Code): Code => [a, b, simd(0xf0)],
  mul2: (a: Code, b: Code): Code => [a, b, simd(0xf2)],
  lane: (value: Code, lane: number): Code => [value, simd(0x21, lane)],
  /** Repeats the body while the address in a local is below that in another; the body has to advance it. */
  whileBelow: (local: number, end: number, body: Code): Code => [
    [0x02, 0x40, 0x03, 0x40],
    [op.get(local), op.get(end), 0x4f, 0x0d, 1],
    body,
    [0x0c, 0, 0x0b, 0x0b],
  ],
  /** Runs the body so many times, at least once; the local counts down. */
  repeat: (counter: number, count: number, body: Code): Code =>
    count === 1
      ? body
      : [
          op.set(counter, op.i32(count)),
          [0x03, 0x40],
          body,
          [op.get(counter), op.i32(1), 0x6b, 0x22, ...unsigned(counter)],
          [0x0d, 0, 0x0b],
        ],
} as const;

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length)].concat(content);
}

function vector(items: readonly (readonly number[])[]): number[] {
  return unsigned(items.length).concat(...items);
}

/** The bytes of nested code, in order. */
export function flat(code: Code): number[] {
  const bytes: number[] = [];
  const walk = (part: Code): void => {
    for (const item of part)
      if (typeof item === 'number') bytes.push(item);
      else walk(item);
  };
  walk(code);
  return bytes;
}

function text(word: string): number[] {
  return [...unsigned(word.length), ...[...word].map((letter) => letter.charCodeAt(0))];
}

/** A section that engines pass over and programs may read. */
export interface CustomSection {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A module of functions without results that work on the memory they are given, imported as `env.memory`. */
export function assemble(
  functions: readonly WasmFunction[],
  custom: readonly CustomSection[] = [],
): Uint8Array<ArrayBuffer> {
  const counts = [...new Set(functions.map(({ parameters }) => parameters))];
  const types = counts.map((parameters) => [0x60, ...vector(new Array(parameters).fill([TYPE.i32])), 0]);
  const exported = functions.flatMap(({ name }, i) => (name === '' ? [] : [[...text(name), 0, ...unsigned(i)]]));
  const head = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([[...text('env'), ...text('memory'), 2, 0, 1]])),
    ...section(3, vector(functions.map(({ parameters }) => unsigned(counts.indexOf(parameters))))),
    ...section(7, vector(exported)),
  ];
  return joined([head, section(10, vector(functions.map(bodyOf))), ...custom.flatMap(customParts)]);
}

function bodyOf({ locals, body }: WasmFunction): number[] {
  const content = [...vector(locals.map(([count, type]) => [...unsigned(count), type])), ...flat(body), 0x0b];
  return unsigned(content.length).concat(content);
}

function customParts({ name, bytes }: CustomSection): (readonly number[] | Uint8Array)[] {
  const title = text(name);
  return [[0, ...unsigned(title.length + bytes.length), ...title], bytes];
}

/** Parts one after another, as bytes. */
export function joined(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
