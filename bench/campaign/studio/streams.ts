import { spawnSync } from 'node:child_process';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { run } from '../../../src/cli/run.ts';
import { type Attack, refusalOf, type StudioRoom, unmoved } from './room.ts';

const noteOf = (message: string): string => JSON.stringify({ type: 'note', at: 1, message });
const LINE = `${noteOf('y'.repeat(1000))}\n`;
const pause = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));

/** A reader of a run's events, by hand. */
function reader(room: StudioRoom, id: string): Socket {
  const socket = connect(room.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET /${room.token}/api/runs/${id}/events HTTP/1.1\r\nHost: ${room.host}\r\n\r\n`);
  return socket;
}

/** Most of a core that idle streams may take, and most bytes that one may cost, its reader's side here included. */
const MOST = { share: 0.3, bytes: 200_000, slow: 150e6, list: 60e6 } as const;

const many: readonly Attack[] = [
  {
    kind: 'streams',
    name: '500 streams of events',
    must: `less than ${MOST.share} of a core, memory bounded, all hear what happens`,
    isSlow: true,
    try: async (room) => {
      const id = await room.start('many');
      const heard = new Set<number>();
      const before = process.memoryUsage().rss;
      const sockets = Array.from({ length: 500 }, (_, i) =>
        reader(room, id).on('data', (text) => void (String(text).includes('at last') && heard.add(i))),
      );
      await pause(4000);
      const used = process.cpuUsage();
      await pause(5000);
      const { user, system } = process.cpuUsage(used);
      const share = (user + system) / 5e6;
      const grown = process.memoryUsage().rss - before;
      writeFileSync(join(room.place, id, 'events.ndjson'), `${noteOf('at last')}\n`);
      const ends = performance.now() + 20_000;
      while (heard.size < 500 && performance.now() < ends) await pause(50);
      for (const socket of sockets) socket.destroy();
      await room.runs.stop(id);
      if (process.env.COPPICE_TELL) console.error(`500 streams: ${share} of a core, ${grown / 500} bytes each`);
      if (share > MOST.share) return `${share.toFixed(2)} of a core`;
      if (grown > 500 * MOST.bytes) return `${Math.round(grown / 1e6)} MB`;
      return heard.size === 500 ? null : `${heard.size} heard it`;
    },
  },
  {
    kind: 'streams',
    name: '2,500 connections',
    must: 'those above 2,000 are refused, the others served',
    isSlow: true,
    try: async (room) => {
      const sockets: Socket[] = [];
      while (sockets.length < 2500) {
        for (let i = 0; i < 100; i++)
          sockets.push(
            connect(room.port, '127.0.0.1')
              .on('error', () => undefined)
              .resume(),
          );
        await pause(100); // the system holds no more of them than a few hundred for the studio
      }
      const ends = performance.now() + 20_000;
      const openNow = (): number => sockets.filter((socket) => !socket.closed).length;
      while (openNow() > 2000 && performance.now() < ends) await pause(100);
      const open = openNow();
      for (const socket of sockets) socket.destroy();
      await pause(500);
      const { status } = await room.ask({ target: '~/api/methods' });
      if (status !== 200) return `status ${status} behind them`;
      return open <= 2000 ? null : `${open} are open`;
    },
  },
  {
    kind: 'streams',
    name: '20 readers that take nothing of 30 MB',
    must: 'not buffered for, the others are served',
    isSlow: true,
    try: async (room) => {
      const id = await room.start('slow');
      writeFileSync(join(room.place, id, 'events.ndjson'), LINE.repeat(30_000));
      const before = process.memoryUsage().rss;
      const sockets = Array.from({ length: 20 }, () => reader(room, id).pause());
      await pause(3000);
      const grown = process.memoryUsage().rss - before;
      const { status } = await room.ask({ target: '~/api/methods' });
      for (const socket of sockets) socket.destroy();
      await room.runs.stop(id);
      if (status !== 200) return `status ${status} beside them`;
      return grown < MOST.slow ? null : `${Math.round(grown / 1e6)} MB`;
    },
  },
];

const STARTS = ['-1', '1e308', 'NaN', '0x10', '99999999999999999999', '9007199254740991', '%00', '1.5', 'abc'];

/** A stream of a finished run whole. */
async function streamed(room: StudioRoom, id: string, from = ''): Promise<string | null> {
  const { status, body } = await room.ask({ target: `~/api/runs/${id}/events?from=${from}` });
  if (status !== 200) return refusalOf({ status, head: '', body });
  if (!body.includes('event: over')) return 'it does not end';
  const text = Buffer.from(body, 'latin1').toString('utf8');
  const lines = text.split(/\r\n|\r|\n/);
  const data = lines.filter((line) => line.startsWith('data: '));
  for (const line of data) {
    try {
      JSON.parse(line.slice(6));
    } catch {
      return `a message that is cut: ${line.slice(0, 80)}`;
    }
  }
  return lines.some((line) => /^(event|retry|id): INJECTED/.test(line)) ? 'a line of its own' : null;
}

const starts: readonly Attack[] = STARTS.map((from) => ({
  kind: 'streams',
  name: `events from "${from}" on`,
  must: 'from the first on, or none',
  try: async (room) => {
    room.made('told', { 'events.ndjson': LINE.repeat(3) });
    return unmoved(room, () => streamed(room, 'told', from));
  },
}));

/** Lines that would be more than one message. */
const EVENTS: Readonly<Record<string, string | Buffer>> = {
  'line ends of old machines': '{"type":"note",\r"at":1,"message":"x"}\n',
  'line ends of old machines and a field': '{"type":"note",\r"at":1,\r"message":"\\revent: INJECTED"}\n',
  'a message of another writing': `${noteOf('\u2028event: INJECTED\u2029\u0085')}\n`,
  'bytes that are no text': Buffer.concat([
    Buffer.from('{"type":"note","at":1,"message":"'),
    Buffer.from([0xff, 0xc0, 0xaf]),
    Buffer.from(`"}\n${LINE}`),
  ]),
  'no line end at all': 'x'.repeat(300_000),
  'a line of 10 MB': `${noteOf('z'.repeat(10 << 20))}\n${LINE}`,
  'a million empty lines': '\n'.repeat(1_000_000),
  'lists in each other': `${'['.repeat(60_000)}\n`,
  'a prototype': '{"__proto__":{"polluted":1},"type":"note","at":1,"message":"x"}\n',
  NULs: Buffer.alloc(100_000),
};

const events: readonly Attack[] = Object.entries(EVENTS).map(([name, content]) => ({
  kind: 'huge events',
  name: `events: ${name}`,
  must: 'whole messages or none, to the end',
  try: async (room) => {
    room.made('told', { 'events.ndjson': content });
    return unmoved(room, () => streamed(room, 'told'));
  },
}));

const huge: readonly Attack[] = [
  ['events.ndjson', 200 << 20],
  ['events.ndjson', 8 * 2 ** 30],
  ['output.txt', 8 * 2 ** 30],
  ['report.json', 8 * 2 ** 30],
  ['sweep.json', 300 << 20],
  ['studio.json', 8 * 2 ** 30],
].map(([name, size]) => ({
  kind: 'huge events',
  name: `${name} of ${Math.round((size as number) / 2 ** 20)} MiB`,
  must: 'listed at once, in little memory',
  try: async (room) => {
    const id = await room.ended('large');
    const path = join(room.place, id, name as string);
    writeFileSync(path, '');
    truncateSync(path, size as number);
    const before = process.memoryUsage().rss;
    const { status } = await room.ask({ target: '~/api/runs' });
    const grown = process.memoryUsage().rss - before;
    rmSync(join(room.place, id), { recursive: true });
    if (status !== 200) return `status ${status}`;
    return grown < MOST.list ? null : `${Math.round(grown / 1e6)} MB`;
  },
}));

/** Commands of the studio, and of a run, by names that cannot be. */
const PLACES: Readonly<Record<string, (room: StudioRoom) => string[]>> = {
  'a port in use': (room) => ['studio', room.folder.at('other'), '--port', String(room.port)],
  'a port beyond all': (room) => ['studio', room.folder.at('other'), '--port', '65536'],
  'half a port': (room) => ['studio', room.folder.at('other'), '--port', '80.5'],
  'a short token': (room) => ['studio', room.folder.at('other'), '--token', 'abc'],
  'a token with a slash': (room) => ['studio', room.folder.at('other'), '--token', `${'a'.repeat(40)}/..`],
  'the studio in a file': (room) => ['studio', room.model],
  'the studio in a device': () => ['studio', '/dev/null'],
  'the studio by 10,000 letters': () => ['studio', 'f'.repeat(10_000)],
  'an output by 10,000 letters': (room) => pruned(room, 'o'.repeat(10_000)),
  'an output by a NUL': (room) => pruned(room, `${room.outside}/a\0b.onnx`),
  'an output that is a folder': (room) => pruned(room, room.outside),
  'an output below a file': (room) => pruned(room, `${room.model}/x.onnx`),
  'an output that is the model': (room) => pruned(room, room.model),
  'a report by 10,000 letters': (room) => [...pruned(room, room.folder.at('o.onnx')), '--report', 'r'.repeat(10_000)],
};

function pruned(room: StudioRoom, output: string): string[] {
  return ['prune', room.model, '--method', 'magnitude', '--sparsity', '0.5', '--no-latency', '-o', output];
}

const places: readonly Attack[] = Object.entries(PLACES).map(([name, argv]) => ({
  kind: name.includes('studio') || /port|token/.test(name) ? 'ports and places' : 'output names',
  name,
  must: 'one sentence, exit code 1 to 8',
  try: async (room) => {
    let said = '';
    const code = await run(
      argv(room),
      {
        out: () => undefined,
        err: (text) => {
          said += text;
        },
        terminal: false,
        columns: 80,
        env: {},
        signal: AbortSignal.timeout(5000),
      },
      '1.2.3',
    );
    rmSync(room.folder.at('other'), { recursive: true, force: true });
    rmSync(room.folder.at('o.onnx'), { force: true });
    const last = said.trim().split('\n').at(-1) ?? '';
    return code > 0 && code <= 8 && last.startsWith('coppice: ') ? null : `exit code ${code}: ${last.slice(0, 200)}`;
  },
}));

/** What waits for ever. */
const pipes: readonly Attack[] = [
  ['the model of a preview is a pipe', (path: string) => ({ model: path })],
  [
    'the data of a preview is a pipe',
    (path: string, model: string) => ({ model, data: `npy:${path},${path}`, loss: true }),
  ],
  ['the model of a preview is a device', () => ({ model: '/dev/zero' })],
  ['the model of a preview is a folder', () => ({ model: '/' })],
  ['the model of a preview is an address', () => ({ model: 'http://127.0.0.1:1/x.onnx' })],
].map(([name, form]) => ({
  kind: 'ports and places',
  name: name as string,
  must: 'refused at once',
  try: async (room) => {
    const path = join(room.place, '.pipe.onnx');
    spawnSync('mkfifo', [path]);
    const made = (form as (path: string, model: string) => object)(path, room.model);
    const passed = refusalOf(await room.post('~/api/preview', { kind: 'sparsity', ...made }), [422]);
    rmSync(path);
    return passed;
  },
}));

/** What takes long, much or for ever; and names that cannot be. */
export const STREAMS: readonly Attack[] = [...many, ...starts, ...events, ...huge, ...places, ...pipes];
