import { documentAddress } from '../../../src/cli/studio/document-address.node.ts';
import { type Attack, type Got, refusalOf, type StudioRoom, unmoved } from './room.ts';

const PAGE = '<script>fetch("/api/runs", { method: "POST" })</script>';

/** A folder with a page that a stranger wrote. */
function foreign(room: StudioRoom): string {
  room.made('foreign', { 'report.html': PAGE, 'report.json': '{"x":"<script>alert(1)</script>"}', 'model.onnx': PAGE });
  return 'foreign';
}

const row = (name: string, must: string, look: (room: StudioRoom, id: string) => Promise<string | null>): Attack => ({
  kind: 'foreign pages',
  name,
  must,
  try: async (room) => {
    const id = foreign(room);
    return unmoved(room, () => look(room, id));
  },
});

const headerOf = (got: Got, header: string): string =>
  new RegExp(`^${header}: (.*)$`, 'im').exec(got.head)?.[1]?.trim() ?? '';

const isSandboxed = (got: Got): boolean => {
  const policy = headerOf(got, 'content-security-policy');
  return (
    /^sandbox(?![^;]*allow-(same-origin|top-navigation|popups|forms|modals))/.test(policy) &&
    /default-src 'none'/.test(policy) &&
    !/connect-src/.test(policy)
  );
};

const signed = (room: StudioRoom, id: string, name: string): string => documentAddress(room.token, { id, name });

/** What is asked for at the studio's own origin, and the type that it may have. */
const SERVED: Readonly<Record<string, RegExp>> = {
  'report.json': /^application\/json/,
  'model.onnx': /^application\/octet-stream/,
};

/** Pages of strangers among the runs: they run nowhere near the token. */
export const PAGES: readonly Attack[] = [
  row('at the studio itself', 'led to an address without the token, nothing of it sent', async (room, id) => {
    const got = await room.ask({ target: `~/runs/${id}/report.html` });
    const passed = refusalOf(got, [302]);
    if (passed !== null) return passed;
    const to = headerOf(got, 'location');
    return got.body === '' && to.startsWith('/document/') && !to.includes(room.token) ? null : `sent to ${to}`;
  }),
  row('at its own address', 'sandboxed, may ask for nothing', async (room, id) => {
    const got = await room.ask({ target: signed(room, id, 'report.html') });
    return got.status === 200 && got.body.includes(PAGE) && isSandboxed(got) ? null : `status ${got.status}`;
  }),
  ...['POST', 'PUT', 'HEAD', 'OPTIONS'].map((method) =>
    row(`at its own address by ${method}`, 'refused', async (room, id) =>
      refusalOf(await room.ask({ method, target: signed(room, id, 'report.html') }), [400, 405]),
    ),
  ),
  row('by the signature of another run', 'refused', async (room, id) =>
    refusalOf(await room.ask({ target: signed(room, 'other', 'report.html').replace('/other/', `/${id}/`) }), [403]),
  ),
  row('by the signature of another file', 'refused', async (room, id) =>
    refusalOf(await room.ask({ target: signed(room, id, 'report.json').replace('report.json', 'report.html') }), [403]),
  ),
  row('by a signature in capitals', 'refused', async (room, id) =>
    refusalOf(await room.ask({ target: signed(room, id, 'report.html').replace(/[a-f]/g, (c) => c.toUpperCase()) })),
  ),
  row('by a signature cut off', 'refused', async (room, id) =>
    refusalOf(await room.ask({ target: signed(room, id, 'report.html').replace(/[0-9a-f]{4}\//, '/') })),
  ),
  row('behind the token and the address at once', 'refused', async (room, id) =>
    refusalOf(await room.ask({ target: `~${signed(room, id, 'report.html')}` }), [404]),
  ),
  row('a page that asks the studio from its sandbox', 'refused', async (room) =>
    refusalOf(await room.ask({ target: '~/api/runs', headers: [`Host: ${room.host}`, 'Origin: null'] }), [403]),
  ),
  ...Object.entries(SERVED).map(([name, type]) =>
    row(`markup in ${name}`, 'no page: its type stands, and nothing guesses another', async (room, id) => {
      const got = await room.ask({ target: `~/runs/${id}/${name}` });
      const isPlain = type.test(headerOf(got, 'content-type')) && headerOf(got, 'x-content-type-options') === 'nosniff';
      return got.status === 200 && isPlain ? null : got.head;
    }),
  ),
  row('the studio in a frame', 'no frame, no policy but its own', async (room) => {
    const got = await room.ask({ target: '~/' });
    const policy = headerOf(got, 'content-security-policy');
    return headerOf(got, 'x-frame-options') === 'DENY' &&
      /frame-ancestors 'none'/.test(policy) &&
      /default-src 'none'/.test(policy)
      ? null
      : `policy "${policy}"`;
  }),
  row('the studio as a source of its token', 'no referrer, no store, no other origin', async (room) => {
    for (const target of ['~/', '~/api/runs', '~/api/methods']) {
      const got = await room.ask({ target });
      const isClosed =
        headerOf(got, 'referrer-policy') === 'no-referrer' &&
        headerOf(got, 'cache-control') === 'no-store' &&
        headerOf(got, 'cross-origin-resource-policy') === 'same-origin' &&
        !/access-control/i.test(got.head);
      if (!isClosed) return `${target}: ${got.head}`;
    }
    return null;
  }),
];
