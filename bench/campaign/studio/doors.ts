import { type Attack, refusalOf, type StudioRoom, unmoved } from './room.ts';

/** Spellings of an address that lack the token, or have it elsewhere. */
const WRONG: Readonly<Record<string, (token: string) => string>> = {
  'no token': () => '/api/runs',
  'an empty one': () => '//api/runs',
  'one of another': () => `/${'d4'.repeat(20)}/api/runs`,
  'its first letter': (t) => `/${t[0]}/api/runs`,
  'its first half': (t) => `/${t.slice(0, 20)}/api/runs`,
  'all but its last letter': (t) => `/${t.slice(0, -1)}/api/runs`,
  'one letter more': (t) => `/${t}0/api/runs`,
  'one space more': (t) => `/${t}%20/api/runs`,
  'another last letter': (t) => `/${t.slice(0, -1)}f/api/runs`,
  'in capitals': (t) => `/${t.toUpperCase()}/api/runs`,
  reversed: (t) => `/${[...t].reverse().join('')}/api/runs`,
  'twice in one': (t) => `/${t}${t}/api/runs`,
  'as the query': (t) => `/api/runs?token=${t}`,
  'as the whole query': (t) => `/?${t}`,
  'behind the path': (t) => `/api/runs/${t}`,
  'behind a slash more': (t) => `//${t}/api/runs`,
  'behind a dot': (t) => `/./${t}/api/runs`,
  'behind a way up': (t) => `/x/../${t}/api/runs`,
  'with one letter encoded': (t) => `/%63${t.slice(1)}/api/runs`,
  'behind a semicolon': (t) => `/;${t}/api/runs`,
  'behind a backslash': (t) => `/\\${t}/api/runs`,
  'before a NUL': (t) => `/${t}%00/api/runs`,
  'as user of an absolute address': (t) => `http://${t}@127.0.0.1/api/runs`,
  'within an absolute address': (t) => `http://127.0.0.1/${t}/api/runs`,
  'of 100,000 letters': () => `/${'a'.repeat(100_000)}/api/runs`,
  'of a document that was never signed': () => `/document/${'0'.repeat(64)}/own/report.html`,
  'instead of a signature': (t) => `/document/${t.padEnd(64, '0')}/own/report.html`,
  'an asterisk': () => '*',
};

const tokens: readonly Attack[] = Object.entries(WRONG).map(([name, target]) => ({
  kind: 'token',
  name,
  must: 'refused',
  try: (room) => unmoved(room, async () => refusalOf(await room.ask({ target: target(room.token) }))),
}));

/** Headers that carry the token, behind an address that does not. */
const carried: readonly Attack[] = ['Authorization: Bearer ', 'Cookie: token=', 'X-Token: ', 'Referer: http://x/'].map(
  (header) => ({
    kind: 'token',
    name: `in "${header}"`,
    must: 'refused',
    try: (room) =>
      unmoved(room, async () =>
        refusalOf(await room.ask({ target: '/api/runs', headers: [`Host: ${room.host}`, `${header}${room.token}`] })),
      ),
  }),
);

/** Headers that a foreign page's requests have. */
const FOREIGN: Readonly<Record<string, (host: string) => readonly string[]>> = {
  'null, as of a sandbox': () => ['Origin: null'],
  empty: () => ['Origin: '],
  'another host': () => ['Origin: http://evil.example'],
  'another port': (host) => [`Origin: http://${host.split(':')[0]}:1`],
  'no port': () => ['Origin: http://127.0.0.1'],
  'another scheme': (host) => [`Origin: https://${host}`],
  'the host as the start of a name': (host) => [`Origin: http://${host}.evil.example`],
  'the host as a user': (host) => [`Origin: http://${host}@evil.example`],
  'with a path': (host) => [`Origin: http://${host}/x`],
  'a file': () => ['Origin: file://'],
  'an extension': () => ['Origin: chrome-extension://abcdef'],
  'its own first, another second': (host) => ['Origin: http://evil.example', `Origin: http://${host}`],
  'localhost for 127.0.0.1': (host) => [`Origin: http://localhost:${host.split(':')[1]}`],
  'another site': () => ['Sec-Fetch-Site: cross-site'],
  'the same site, not the same origin': () => ['Sec-Fetch-Site: same-site'],
  'a site that nobody knows': () => ['Sec-Fetch-Site: whatever'],
};

const origins: readonly Attack[] = Object.entries(FOREIGN).flatMap(([name, headers]) =>
  ['GET', 'POST'].map(
    (method): Attack => ({
      kind: 'origin',
      name: `${name}, ${method}`,
      must: 'refused, nothing begun',
      try: (room) =>
        unmoved(room, async () =>
          refusalOf(
            await room.ask({
              method,
              target: '~/api/runs',
              headers: [`Host: ${room.host}`, ...headers(room.host), 'Content-Type: application/json'],
              ...(method === 'POST' && { body: runOf(room) }),
            }),
          ),
        ),
    }),
  ),
);

/** Hosts that are led to this machine by a name server, or by nobody. */
const HOSTS: Readonly<Record<string, (port: number) => readonly string[]>> = {
  'another name': () => ['Host: evil.example'],
  'another name with the port': (port) => [`Host: evil.example:${port}`],
  'its own as the start of a name': (port) => [`Host: 127.0.0.1.evil.example:${port}`],
  'localhost as the start of a name': (port) => [`Host: localhost.evil.example:${port}`],
  'its own as a user': (port) => [`Host: 127.0.0.1:${port}@evil.example`],
  'its own, another behind': (port) => [`Host: 127.0.0.1:${port}, evil.example`],
  'all interfaces': (port) => [`Host: 0.0.0.0:${port}`],
  'as one number': (port) => [`Host: 2130706433:${port}`],
  'as a short address': (port) => [`Host: 127.1:${port}`],
  'as the sixth version': (port) => [`Host: [::1]:${port}`],
  'with a letter in the port': (port) => [`Host: 127.0.0.1:${port}x`],
  empty: () => ['Host: '],
  none: () => ['X-None: 1'],
  'two of them': (port) => [`Host: 127.0.0.1:${port}`, 'Host: evil.example'],
  'two, the other first': (port) => ['Host: evil.example', `Host: 127.0.0.1:${port}`],
  'its own forwarded': (port) => ['Host: evil.example', `X-Forwarded-Host: 127.0.0.1:${port}`],
};

const hosts: readonly Attack[] = Object.entries(HOSTS).map(([name, headers]) => ({
  kind: 'host',
  name,
  must: 'refused',
  try: (room) =>
    unmoved(room, async () => refusalOf(await room.ask({ target: '~/api/runs', headers: headers(room.port) }))),
}));

const TARGETS = ['~/', '~/api/runs', '~/api/methods', '~/api/runs/own/stop', '~/runs/own/report.html'];

const methods: readonly Attack[] = [
  ...['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'LINK', 'SEARCH', 'M-SEARCH'].map(
    (method): Attack => ({
      kind: 'methods',
      name: method,
      must: 'refused, nothing begun',
      try: (room) =>
        unmoved(room, async () => {
          for (const target of TARGETS) {
            const passed = refusalOf(await room.ask({ method, target }));
            if (passed !== null) return `${target}: ${passed}`;
          }
          return null;
        }),
    }),
  ),
  ...['CONNECT', 'GOT', 'get', 'POST\tGET', 'GET GET'].map(
    (method): Attack => ({
      kind: 'methods',
      name: JSON.stringify(method),
      must: 'refused',
      try: (room) => unmoved(room, async () => refusalOf(await room.ask({ method, target: '~/api/runs' }))),
    }),
  ),
  ...['stop', 'resume'].map(
    (what): Attack => ({
      kind: 'methods',
      name: `GET of ${what}, as a picture asks`,
      must: 'refused, the run goes on',
      try: async (room) => {
        const id = await room.own();
        return unmoved(room, async () => {
          const passed = refusalOf(await room.ask({ target: `~/api/runs/${id}/${what}` }));
          return passed ?? ((await room.runs.summary(id)).state === 'running' ? null : 'it was stopped');
        });
      },
    }),
  ),
  ...['X-HTTP-Method-Override: POST', 'X-HTTP-Method: POST', 'X-Method-Override: POST'].map(
    (header): Attack => ({
      kind: 'methods',
      name: header,
      must: 'a GET stays one: the run goes on',
      try: async (room) => {
        const id = await room.own();
        return unmoved(room, async () =>
          refusalOf(await room.ask({ target: `~/api/runs/${id}/stop`, headers: [`Host: ${room.host}`, header] })),
        );
      },
    }),
  ),
];

/** A request that would begin a run. */
export function runOf(room: StudioRoom, more: object = {}): string {
  return JSON.stringify({ model: room.model, method: 'magnitude', sparsity: 0.5, ...more });
}

/** Who is let in: token, origin, host, methods. */
export const DOORS: readonly Attack[] = [...tokens, ...carried, ...origins, ...hosts, ...methods];
