import webgpuMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import webgpuWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import wasmMjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { WebEngineOptions, WebProvider } from '../../../src/coppice.web.ts';

const absolute = (url: string): string => new URL(url, self.location.href).href;

/** Where the page keeps the runtime's own files. */
export const RUNTIME_FILES: Readonly<Record<WebProvider, WebEngineOptions['files']>> = {
  wasm: { mjs: absolute(wasmMjs), wasm: absolute(wasmWasm) },
  webgpu: { mjs: absolute(webgpuMjs), wasm: absolute(webgpuWasm) },
};
