import type { CompiledModel } from './compile.ts';
import type { PortManifest } from './runtime/manifest.ts';
import { makeRuntime } from './runtime/start.ts';

/** The files of a compiled model, by name. */
export type CompiledFiles = Readonly<Record<string, string | Uint8Array>>;

/**
 * The files of a compiled model: the module, an ES module that loads it, and its types; or, inline, everything in one ES module.
 *
 * @param stem  file name without ending
 */
export function compiledFiles(model: Omit<CompiledModel, 'steps'>, stem: string, inline = false): CompiledFiles {
  const types = typesText(model);
  return inline
    ? { [`${stem}.d.ts`]: types, [`${stem}.js`]: loaderText(stem, base64(model.wasm)) }
    : { [`${stem}.d.ts`]: types, [`${stem}.js`]: loaderText(stem, null), [`${stem}.wasm`]: model.wasm };
}

/** The text of the runtime without comments and indentation. */
function runtimeText(): string {
  return makeRuntime
    .toString()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !/^(\/\*|\*|\/\/)/.test(line))
    .join('\n');
}

function loaderText(stem: string, inline: string | null): string {
  const own =
    inline === null
      ? `const own = () => new URL(${JSON.stringify(`./${stem}.wasm`)}, import.meta.url);`
      : `const text = ${JSON.stringify(inline)};
function own() {
const letters = atob(text);
const bytes = new Uint8Array(letters.length);
for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
return bytes;
}`;
  return `// A model compiled by Coppice. Its runtime depends on nothing.
const { start, CompiledModelError } = (${runtimeText()})();
export { CompiledModelError };
${own}
async function read(source) {
if (source instanceof WebAssembly.Module || source instanceof Uint8Array) return source;
if (source instanceof ArrayBuffer) return new Uint8Array(source);
if (source instanceof Response) return new Uint8Array(await source.arrayBuffer());
if (String(source).startsWith('file:') && globalThis.process?.versions?.node) {
const name = 'node:fs/promises';
return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)).readFile(new URL(source));
}
const response = await fetch(source);
if (!response.ok) throw new CompiledModelError('file', \`Cannot load the model from \${source}: status \${response.status}\`);
return new Uint8Array(await response.arrayBuffer());
}
/** Makes a model that is ready to run; each has memory of its own. */
export async function load(source = own()) {
return start(await read(source));
}
`;
}

const ARRAYS: Readonly<Record<string, string>> = {
  float32: 'Float32Array',
  int64: 'BigInt64Array',
  uint64: 'BigUint64Array',
  int32: 'Int32Array',
  uint32: 'Uint32Array',
  int16: 'Int16Array',
  uint16: 'Uint16Array',
  int8: 'Int8Array',
  uint8: 'Uint8Array',
  bool: 'Uint8Array',
};

function fieldOf({ name, type, dims }: PortManifest): string {
  return `  /** [${dims.join(', ')}] */\n  readonly ${JSON.stringify(name)}: ${ARRAYS[type] ?? 'Float32Array'};`;
}

function typesText({ inputs, outputs }: Omit<CompiledModel, 'steps'>): string {
  return `/** What the model is given: elements in row-major order. */
export interface Inputs {
${inputs.map(fieldOf).join('\n')}
}

/** What the model gives: arrays that belong to the caller. */
export interface Outputs {
${outputs.map(fieldOf).join('\n')}
}

/** An input or output. */
export interface Port {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
}

/** A model that is ready to run. */
export interface Model {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** @throws CompiledModelError with code "input" if an input is absent, of another type or of another size */
  run(inputs: Inputs): Outputs;
}

/** The caller or the surroundings are wrong. */
export class CompiledModelError extends Error {
  readonly code: 'input' | 'file' | 'memory' | 'environment';
}

/** Makes a model that is ready to run; each has memory of its own. Default source: the file beside this one. */
export function load(source?: URL | string | ArrayBuffer | Uint8Array | Response | WebAssembly.Module): Promise<Model>;
`;
}

/** Bytes as base64. */
function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}
