// Builds the pages of web/ into dist/pages/, each as one file that loads nothing: node scripts/build-pages.mjs [--force]
// Nothing is done where the sources have not changed since the last build.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['report', 'studio'];
const SOURCES = ['web', 'src', 'scripts/build-pages.mjs', 'package.json'];
const OUT = join(ROOT, 'dist/pages');
const STAMP = join(OUT, 'sources.txt');

/** What pages may do: their own script and style, pictures in the document itself, nothing else. */
const POLICY = ["default-src 'none'", 'img-src data: blob:', "base-uri 'none'", "form-action 'none'"];

/** Builds what is out of date. @returns whether anything was */
export async function buildPages({ force = false } = {}) {
  const stamp = stampOf();
  if (!force && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return false;
  mkdirSync(OUT, { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'dist/.pages-'));
  try {
    for (const page of PAGES) {
      await bundle(page, folder);
      writeFileSync(join(folder, `${page}.html`), sealed(page, readFileSync(join(folder, page, 'index.html'), 'utf8')));
      renameSync(join(folder, `${page}.html`), join(OUT, `${page}.html`));
    }
    writeFileSync(STAMP, stamp);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return true;
}

/** A hash over what pages are made of; tests and the sources of Node alone are not. */
function stampOf() {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(filesOf).sort()) {
    hash.update(`${file}\n`);
    hash.update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex');
}

function filesOf(path) {
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  const isSource = (file) => /\.(ts|svelte|css|html|json)$/.test(file) && !/\.(test|cases|node)\.ts$/.test(file);
  return readdirSync(join(ROOT, path), { recursive: true })
    .map((file) => `${path}/${file.replaceAll('\\', '/')}`)
    .filter((file) => isSource(file) && (path !== 'src' || /^src\/(report|progress|cli\/studio)\//.test(file)));
}

async function bundle(page, folder) {
  process.env.NODE_ENV = 'production'; // tests have another: pages are always built as they are shipped
  const [{ build }, { svelte }, { viteSingleFile }] = await Promise.all([
    import('vite'),
    import('@sveltejs/vite-plugin-svelte'),
    import('vite-plugin-singlefile'),
  ]);
  await build({
    configFile: false,
    mode: 'production',
    root: join(ROOT, 'web', page),
    base: './',
    logLevel: 'warn',
    plugins: [
      svelte({ configFile: false, compilerOptions: { runes: true } }),
      viteSingleFile({ removeViteModuleLoader: true }),
    ],
    build: {
      outDir: join(resolve(folder), page),
      emptyOutDir: false,
      target: 'es2022',
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: { checks: { pluginTimings: false } },
    },
  });
}

/** What single pages may do besides. */
const MORE = { studio: ["connect-src 'self'"] };

/** The page with a policy that names its own script and style by their hashes. */
function sealed(page, html) {
  const hashes = (pattern) =>
    [...html.matchAll(pattern)].map(([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`);
  const scripts = hashes(/<script type="module"[^>]*>([\s\S]*?)<\/script>/g);
  const styles = hashes(/<style[^>]*>([\s\S]*?)<\/style>/g);
  if (scripts.length === 0) throw new Error('the built page has no script: was it inlined?');
  const policy = [
    ...POLICY,
    ...(MORE[page] ?? []),
    `script-src ${scripts.join(' ')}`,
    `style-src ${styles.join(' ')}`,
  ].join('; ');
  return html.replace(
    '<meta charset="utf-8" />',
    `<meta charset="utf-8" />\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildPages({ force: process.argv.includes('--force') });
  if (built)
    console.log(
      `pages built: ${PAGES.map((page) => `${page}.html ${Math.round(statSync(join(OUT, `${page}.html`)).size / 1000)} kB`).join(', ')}`,
    );
}
