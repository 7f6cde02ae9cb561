// Serves a folder with the headers that let the page use several threads: node scripts/serve-web.mjs [--port 8080] [FOLDER]
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
};

/** What a host has to send so that a page is isolated from other origins. */
export const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Serves a folder on localhost. @returns the server and its address */
export async function serve(folder, { port = 0, headers = ISOLATION } = {}) {
  const root = resolve(folder);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = join(root, path.endsWith('/') ? `${path}index.html` : path);
    const isThere = file.startsWith(root + sep) && existsSync(file) && statSync(file).isFile();
    response.writeHead(isThere ? 200 : 404, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Cache-Control': 'no-cache',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    });
    if (isThere) createReadStream(file).pipe(response);
    else response.end('not found');
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return { server, url: `http://localhost:${server.address().port}/` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { port: { type: 'string', default: '8080' } },
    allowPositionals: true,
  });
  const folder = positionals[0] ?? fileURLToPath(new URL('../dist-web', import.meta.url));
  if (!existsSync(join(folder, 'index.html'))) {
    console.error(`There is no page in ${folder}: run npm run build:web first`);
    process.exit(2);
  }
  const { url } = await serve(folder, { port: Number(values.port) });
  console.log(`${url}  (Ctrl-C ends)`);
}
