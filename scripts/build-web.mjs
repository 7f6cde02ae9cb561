// Builds the page that prunes in the browser into dist-web/: node scripts/build-web.mjs [--out FOLDER]
// The folder can be put on any static host as it is.
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** What the page offers to begin with. */
const EXAMPLE = ['model.onnx', 'train.npz', 'test.npz'];
/** Files of the runtime, which are not the page's own. */
const RUNTIME = /^ort[.-]/;
/** The parts of the page that compile and take channels out, each loaded when it is asked for. */
const PARTS = { compiler: /src\/compile\/schedule\//, structured: /src\/structured\// };

/** Builds the page. */
export async function buildWeb(out = join(ROOT, 'dist-web')) {
  const [{ build, defaultClientConditions }, { svelte }] = await Promise.all([
    import('vite'),
    import('@sveltejs/vite-plugin-svelte'),
  ]);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const root = join(ROOT, 'web/prune');
  await build({
    configFile: false,
    root,
    base: './',
    logLevel: 'warn',
    plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
    define: { __VERSION__: JSON.stringify(version) },
    // the runtime's programs are files beside the page, not a part of its script
    resolve: { conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions] },
    worker: { format: 'es', rolldownOptions: { output: chunkNames() } },
    build: {
      outDir: out,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: false,
      reportCompressedSize: false,
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 1000,
      rolldownOptions: {
        checks: { pluginTimings: false },
        input: { index: join(root, 'index.html'), 'service-worker': join(root, 'service-worker.ts') },
        output: chunkNames(),
      },
    },
  });
  for (const file of EXAMPLE) cpSync(join(ROOT, 'examples/digits', file), join(out, 'example', file));
  return out;
}

/** The service worker has to lie beside the page under a name that stays; the runtime is told by its own. */
function chunkNames() {
  return {
    entryFileNames: ({ name }) => (name === 'service-worker' ? 'service-worker.js' : 'assets/[name]-[hash].js'),
    chunkFileNames: ({ moduleIds }) => {
      const holds = (pattern) => moduleIds.some((id) => pattern.test(id));
      if (holds(/onnxruntime-web/)) return 'assets/ort.[name]-[hash].js';
      const [part = '[name]'] = Object.entries(PARTS).find(([, files]) => holds(files)) ?? [];
      return `assets/${part}-[hash].js`;
    },
    assetFileNames: 'assets/[name]-[hash][extname]',
  };
}

/** Bytes of the page's own scripts and of its parts by gzip, and of the runtime's files as they are. */
export function sizesOf(out) {
  const sizes = { script: 0, compiler: 0, structured: 0, runtime: 0 };
  for (const file of readdirSync(out, { recursive: true })) {
    const [path, name] = [join(out, file), file.replace(/^.*[\\/]/, '')];
    if (!/\.(m?js|wasm)$/.test(name)) continue;
    const part = Object.keys(PARTS).find((of) => name.startsWith(`${of}-`)) ?? 'script';
    if (RUNTIME.test(name)) sizes.runtime += statSync(path).size;
    else sizes[part] += gzipSync(readFileSync(path), { level: 9 }).length;
  }
  return sizes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const out = await buildWeb(values.out === undefined ? undefined : resolve(values.out));
  const { script, compiler, structured, runtime } = sizesOf(out);
  console.log(
    `${out}: script ${(script / 1000).toFixed(0)} kB by gzip, the compiler ${(compiler / 1000).toFixed(0)} kB, what takes channels out ${(structured / 1000).toFixed(0)} kB, onnxruntime ${(runtime / 1e6).toFixed(1)} MB, of which a visitor loads a part`,
  );
}
