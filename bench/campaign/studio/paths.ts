import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Attack, refusalOf, SECRET, type StudioRoom, unmoved } from './room.ts';

/** Spellings of a way out, in the place of a run's name or of its file's. */
const SPELLINGS = [
  '../outside/secret.txt',
  '..%2foutside%2fsecret.txt',
  '%2e%2e/outside/secret.txt',
  '%2e%2e%2foutside%2fsecret.txt',
  '.%2e/outside/secret.txt',
  '%2E./outside/secret.txt',
  '%252e%252e%252foutside%252fsecret.txt',
  '%25252e%25252e/outside/secret.txt',
  '..\\outside\\secret.txt',
  '..%5coutside%5csecret.txt',
  '..%255coutside%255csecret.txt',
  '....//outside/secret.txt',
  '..;/outside/secret.txt',
  '..%00/outside/secret.txt',
  '..%0a/outside/secret.txt',
  '%c0%ae%c0%ae/outside/secret.txt',
  '%e0%80%ae%e0%80%ae/outside/secret.txt',
  '%uff0e%uff0e/outside/secret.txt',
  '%ef%bc%8e%ef%bc%8e/outside/secret.txt',
  '/outside/secret.txt',
  '//outside/secret.txt',
  '/etc/passwd',
  '//etc/passwd',
  '%2fetc%2fpasswd',
  'C:/Windows/win.ini',
  'C:%5cWindows%5cwin.ini',
  'c%3a%2fWindows',
  '\\\\host\\share\\secret',
  'file:///etc/passwd',
  'file:%2f%2f%2fetc%2fpasswd',
  '~root',
  '.',
  '..',
  '...',
  '%00',
  'report.html%00.txt',
  'report.html/',
  'report.html/..',
  'report.html::$DATA',
  'report.html:stream',
  'CON',
  'NUL.html',
  'constructor',
  '__proto__',
  'toString',
  'studio.json',
  'events.ndjson',
  'output.txt',
  'model.checkpoint',
  '.models',
  'REPORT.HTML',
  'report%2ehtml/x',
  `${'a'.repeat(10_000)}`,
] as const;

const ways: readonly Attack[] = SPELLINGS.map((way) => ({
  kind: 'traversal',
  name: way.slice(0, 60),
  must: 'refused as a run, as a file, and as a name in the interface',
  try: async (room) => {
    const id = await room.own();
    return unmoved(room, async () => {
      const targets = [`~/runs/${id}/${way}`, `~/runs/${way}/report.html`, `~/runs/${way}`, `~/${way}`];
      for (const target of [...targets, `~/api/runs/${way}`, `~/api/runs/${way}/events`, `/document/${way}`]) {
        const passed = refusalOf(await room.ask({ target }), [400, 403, 404, 405, 414, 422, 431, 0]);
        if (passed !== null && !isTop(target)) return `${target.slice(0, 80)}: ${passed}`;
      }
      return null;
    });
  },
}));

/** `~/.` is the page itself, which is no way out. */
const isTop = (target: string): boolean => target === '~/.' || target === '~//';

const LINKED = ['report.html', 'report.json', 'sweep.json', 'model.onnx', 'events.ndjson', 'studio.json', 'output.txt'];

async function shown(room: StudioRoom, id: string, name: string): Promise<string | null> {
  const targets = [`~/runs/${id}/${name}`, `~/api/runs/${id}`, `~/api/runs/${id}/events`, '~/api/runs'];
  for (const target of targets) {
    const got = await room.send(room.bytesOf({ target }).filter(Boolean), { wait: 8000 });
    if (got.status === null) return `${target} does not answer`;
    if (`${got.head}${got.body}`.includes(SECRET)) return `${target} shows what lies outside`;
    if (target.startsWith('~/runs/') && got.status < 400) return `${target}: status ${got.status}`;
  }
  return null;
}

const links: readonly Attack[] = LINKED.flatMap((name) =>
  Object.entries<(room: StudioRoom, path: string) => void>({
    'a link out': (room, path) => symlinkSync(join(room.outside, 'secret.txt'), path),
    'a link to itself': (_, path) => symlinkSync(path, path),
    'a pipe': (_, path) => void spawnSync('mkfifo', [path]),
    'a folder': (_, path) => mkdirSync(path),
    'a device': (_, path) => symlinkSync('/dev/zero', path),
  }).map(
    ([what, make]): Attack => ({
      kind: 'links',
      name: `${name} is ${what}`,
      must: 'not read, not served, not waited for',
      try: async (room) => {
        const id = `link-${name}`;
        make(room, join(room.made(id), name));
        const passed = await unmoved(room, () => shown(room, id, name));
        rmSync(join(room.place, id), { recursive: true });
        return passed;
      },
    }),
  ),
);

const folders: readonly Attack[] = [
  {
    kind: 'links',
    name: 'the folder of a run is a link out',
    must: 'no run',
    try: async (room) => {
      const way = join(room.place, 'way-out');
      symlinkSync(room.outside, way);
      const passed = await unmoved(room, () => shown(room, 'way-out', 'report.html'));
      rmSync(way);
      return passed;
    },
  },
  {
    kind: 'links',
    name: 'the folder of uploads is a link out',
    must: 'nothing is written outside',
    try: async (room) => {
      const way = join(room.place, '.models');
      rmSync(way, { recursive: true, force: true });
      symlinkSync(room.outside, way);
      const passed = await unmoved(room, async () =>
        refusalOf(await room.post('~/api/models?name=sent', readFileSync(room.model), 'application/octet-stream')),
      );
      rmSync(way);
      return passed;
    },
  },
  ...['events.ndjson', 'output.txt', 'model.onnx', 'report.json', 'model.checkpoint', 'model.onnx.data'].map(
    (name): Attack => ({
      kind: 'links',
      name: `${name} of a run that is resumed is a link out`,
      must: 'refused, nothing is written through it',
      try: async (room) => {
        const id = await room.ended('through');
        rmSync(join(room.place, id, name), { force: true });
        symlinkSync(join(room.outside, 'secret.txt'), join(room.place, id, name));
        return unmoved(room, async () =>
          refusalOf(await room.ask({ method: 'POST', target: `~/api/runs/${id}/resume` }), [422]),
        );
      },
    }),
  ),
];

/** Ways out of the folder of runs. */
export const PATHS: readonly Attack[] = [...ways, ...links, ...folders];
