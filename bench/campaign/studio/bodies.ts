import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOf } from './doors.ts';
import { type Attack, type Got, refusalOf, type StudioRoom, unmoved } from './room.ts';

const deep = (n: number): string => `${'['.repeat(n)}${']'.repeat(n)}`;
const deepObject = (n: number): string => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`;
const RUN = { model: 'net.onnx', method: 'magnitude', sparsity: 0.5 };
const runWith = (more: object): string => JSON.stringify({ ...RUN, ...more });

/** Forms that are none, or ask for what no method has. */
const FORMS: Readonly<Record<string, string | Buffer>> = {
  empty: '',
  'no JSON': '{',
  'a word': 'undefined',
  'NaN for a number': '{"model":"net.onnx","method":"magnitude","sparsity":NaN}',
  null: 'null',
  'a list': '[]',
  'a list of runs': `[${runWith({})}]`,
  'a text': '"run"',
  'a number': '1e999',
  'bytes that are no text': Buffer.from([0xff, 0xfe, 0x00, 0xd8]),
  'UTF-16': Buffer.from(runWith({}), 'utf16le'),
  '30,000 lists in each other': deep(30_000),
  '10,000 objects in each other': deepObject(10_000),
  'deep options': `{"model":"x","method":"magnitude","sparsity":0.5,"options":${deepObject(9000)}}`,
  '5,000 keys': JSON.stringify({ ...RUN, ...Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`k${i}`, 1])) }),
  'one key 3,000 times': `{${'"model":"x",'.repeat(3000)}"sparsity":2}`,
  'a number of 60,000 digits': `{"model":"x","method":"magnitude","sparsity":${'9'.repeat(60_000)}}`,
  'a number of 60,000 decimals': `{"model":"x","method":"magnitude","sparsity":1.${'9'.repeat(60_000)}}`,
  'prototypes at the top': `{"__proto__":{"polluted":1},"model":"x"}`,
  'prototypes in the options': runWith({}).replace('}', ',"options":{"__proto__":{"polluted":1},"x":1}}'),
  'prototypes in how data is read': runWith({}).replace('}', ',"preprocess":{"__proto__":{"polluted":1}}}'),
  'constructors at the top': runWith({ constructor: { prototype: { polluted: 1 } } }),
  'constructors in the options': runWith({ options: { constructor: { prototype: { polluted: 1 } } } }),
  'an option of no method': runWith({ options: { output: '/tmp/x' } }),
  'an option by a property of all objects': runWith({ options: { toString: 'x' } }),
  'a key that nobody knows': runWith({ arguments: ['rm'] }),
  'no model': JSON.stringify({ method: 'magnitude', sparsity: 0.5 }),
  'an empty model': runWith({ model: '' }),
  'a model of 10,000 letters': runWith({ model: 'm'.repeat(10_000) }),
  'a model with a NUL': runWith({ model: 'net\0.onnx' }),
  'a model as a list': runWith({ model: ['net.onnx'] }),
  'data with a NUL': runWith({ data: 'npy:x\0y' }),
  'a name with a NUL': runWith({ name: 'a\0b', data: '\0' }),
  'a name of 10,000 letters': runWith({ name: 'n'.repeat(10_000) }),
  'a method that is a property of all objects': runWith({ method: 'constructor' }),
  'a method that is the prototype': runWith({ method: '__proto__' }),
  'no budget': JSON.stringify({ model: 'net.onnx', method: 'magnitude' }),
  'a sparsity of 0': runWith({ sparsity: 0 }),
  'a sparsity of 1': runWith({ sparsity: 1 }),
  'a negative sparsity': runWith({ sparsity: -0.5 }),
  'an endless sparsity': `{"model":"x","method":"magnitude","sparsity":1e999}`,
  'a sparsity as text': runWith({ sparsity: '0.5' }),
  'a sparsity as truth': runWith({ sparsity: true }),
  'a seed below 0': runWith({ seed: -1 }),
  'half a seed': runWith({ seed: 0.5 }),
  'a seed beyond all whole numbers': runWith({ seed: 1e300 }),
  'endless epochs': runWith({ gradual: true, epochs: 1e12 }),
  'a sweep of nothing': runWith({ sweep: { methods: [], kind: 'sparsity', budgets: [] }, eval: 'x' }),
  'a sweep of 101 budgets': runWith({
    sweep: { methods: ['magnitude'], kind: 'sparsity', budgets: Array(101).fill(0.5) },
    eval: 'x',
  }),
  'a sweep without data': runWith({ sweep: { methods: ['magnitude'], kind: 'sparsity', budgets: [0.5] } }),
  'a sweep of another kind': runWith({
    sweep: { methods: ['magnitude'], kind: 'output', budgets: [0.5] },
    eval: 'x',
  }),
  'too long by one byte': `${runWith({})}${' '.repeat(65_537 - runWith({}).length)}`,
  'a megabyte': 'x'.repeat(1 << 20),
  '16 megabytes': 'x'.repeat(16 << 20),
};

const forms: readonly Attack[] = Object.entries(FORMS).map(([name, body]) => ({
  kind: 'bodies',
  name: `a form: ${name}`,
  must: 'refused in a sentence, nothing begun',
  try: (room) =>
    unmoved(room, async () => {
      const got = await room.post('~/api/runs', body);
      return refusalOf(got, body.length > 1 << 16 ? [422, 0] : [422]) ?? sentence(got);
    }),
}));

function sentence({ status, body }: Got): string | null {
  if (status === 0) return null;
  return /^\{"message":"(?!Something broke)[^"]/.test(body) ? null : `no sentence: ${body.slice(0, 120)}`;
}

const types: readonly Attack[] = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  'text/json',
  'application/json-patch+json',
  '',
].map((type) => ({
  kind: 'bodies',
  name: `a form as "${type}"`,
  must: 'refused: only what no foreign form can send',
  try: (room) => unmoved(room, async () => refusalOf(await room.post('~/api/runs', runOf(room), type))),
}));

/** Words that would be flags of the command line if they were not bound to theirs. */
const FLAGS: readonly (readonly [string, object])[] = [
  ['the model', { model: '--output=/tmp/forged.onnx' }],
  ['the model as a short flag', { model: '-o' }],
  ['the data', { data: '--output=/tmp/forged.onnx' }],
  ['the data for judging', { eval: 'x --report=/tmp/forged' }],
  ['the pattern', { pattern: '--output=/tmp/forged.onnx' }],
  ['the scale', { preprocess: { scale: '1 --output=/tmp/forged.onnx' } }],
  ['a line behind the data', { data: 'npy:x\n--output=/tmp/forged.onnx' }],
  ['the name', { name: '--output=/tmp/forged.onnx' }],
];

const flags: readonly Attack[] = FLAGS.map(([name, more]) => ({
  kind: 'output names',
  name: `a flag as ${name}`,
  must: 'refused, or one word that is no flag: output and report stay in the folder of the run',
  try: async (room) => {
    const got = await room.post('~/api/runs', runOf(room, more));
    if (got.status !== 200) return refusalOf(got);
    const { id } = JSON.parse(got.body.slice(got.body.indexOf('{'), got.body.lastIndexOf('}') + 1)) as { id: string };
    const record = JSON.parse(readFileSync(join(room.place, id, 'studio.json'), 'utf8')) as { arguments: string[] };
    await room.runs.stop(id);
    const words = record.arguments.slice(1);
    const places = words.filter((word) => /^(-o|--output|--report)/.test(word));
    const isBound = places.length === 2 && places.every((word) => word.includes(join(room.place, id)));
    return isBound && !words[0]?.startsWith('-') ? null : words.join(' ');
  },
}));

const head = (room: StudioRoom, ...headers: string[]): string =>
  [
    `POST /${room.token}/api/runs HTTP/1.1`,
    `Host: ${room.host}`,
    'Content-Type: application/json',
    ...headers,
    'Connection: close',
    '',
    '',
  ].join('\r\n');

/** Bytes that break the protocol. */
const BROKEN: Readonly<Record<string, (room: StudioRoom) => string[]>> = {
  'a chunk without a size': (room) => [head(room, 'Transfer-Encoding: chunked'), 'zz\r\n{}\r\n0\r\n\r\n'],
  'a chunk of a negative size': (room) => [head(room, 'Transfer-Encoding: chunked'), '-5\r\n{}\r\n0\r\n\r\n'],
  'a chunk of endless size': (room) => [head(room, 'Transfer-Encoding: chunked'), `${'f'.repeat(40)}\r\n{}`],
  'a chunk that is longer than it says': (room) => [head(room, 'Transfer-Encoding: chunked'), '1\r\n{}\r\n0\r\n\r\n'],
  'a chunk with 100 kB of notes': (room) => [
    head(room, 'Transfer-Encoding: chunked'),
    `2;${'x'.repeat(100_000)}\r\n{}\r\n0\r\n\r\n`,
  ],
  'chunks and a length': (room) => [
    head(room, 'Transfer-Encoding: chunked', 'Content-Length: 5'),
    '2\r\n{}\r\n0\r\n\r\n',
  ],
  'two lengths': (room) => [head(room, 'Content-Length: 2', 'Content-Length: 40'), '{}'],
  'a negative length': (room) => [head(room, 'Content-Length: -1'), '{}'],
  'a length that is no number': (room) => [head(room, 'Content-Length: 0x10'), '{}'],
  'a length with a sign': (room) => [head(room, 'Content-Length: +2'), '{}'],
  'another encoding': (room) => [head(room, 'Transfer-Encoding: gzip'), '{}'],
  'chunks twice over': (room) => [head(room, 'Transfer-Encoding: chunked, chunked'), '0\r\n\r\n'],
  'a header that goes on in the next line': (room) => [head(room, 'X: a\r\n b', 'Content-Length: 2'), '{}'],
  'a header with a bare line end': (room) => [head(room, 'X: a\nOrigin: b', 'Content-Length: 2'), '{}'],
  'a header with a space before its colon': (room) => [head(room, 'Content-Length : 2'), '{}'],
  'a NUL in a header': (room) => [head(room, 'X: a\0b', 'Content-Length: 2'), '{}'],
  'a header of 100 kB': (room) => [head(room, `X: ${'x'.repeat(100_000)}`)],
  '5,000 headers': (room) => [head(room, ...Array.from({ length: 5000 }, (_, i) => `X${i}: 1`))],
  'another version': () => ['GET / HTTP/9.9\r\n\r\n'],
  'no HTTP': () => ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  'the oldest version': (room) => [`GET /${room.token}/api/runs\r\n\r\n`],
  'a second request in the body of the first': (room) => [
    head(room, 'Content-Length: 2'),
    `{}POST /${room.token}/api/runs HTTP/1.1\r\nHost: evil\r\nContent-Length: 0\r\n\r\n`,
  ],
};

const broken: readonly Attack[] = Object.entries(BROKEN).map(([name, pieces]) => ({
  kind: 'bodies',
  name,
  must: 'refused or cut, nothing begun',
  try: (room) => unmoved(room, async () => refusalOf(await room.send(pieces(room)))),
}));

const slow: readonly Attack[] = [
  {
    kind: 'bodies',
    name: 'a form that comes a letter at a time',
    must: 'cut after 10 seconds, nothing begun',
    isSlow: true,
    try: (room) =>
      unmoved(room, async () =>
        refusalOf(
          await room.send([head(room, 'Content-Length: 9999'), ...'{'.repeat(100)], { between: 200, wait: 15_000 }),
        ),
      ),
  },
  {
    kind: 'bodies',
    name: 'a form that never comes',
    must: 'cut after 10 seconds, nothing begun',
    isSlow: true,
    try: (room) =>
      unmoved(room, async () => refusalOf(await room.send([head(room, 'Content-Length: 9999')], { wait: 15_000 }))),
  },
  {
    kind: 'bodies',
    name: 'headers that never end',
    must: 'cut within two minutes',
    isSlow: true,
    try: async (room) =>
      refusalOf(
        await room.send(
          [`GET /${room.token}/ HTTP/1.1\r\n`, ...Array.from({ length: 200 }, (_, i) => `X${i}: 1\r\n`)],
          {
            between: 600,
            wait: 125_000,
          },
        ),
      ),
  },
];

/** What is sent in the place of a model. */
const UPLOADS: Readonly<Record<string, readonly [query: string, body: string | Buffer]>> = {
  nothing: ['name=a', ''],
  'a page': ['name=a.html', '<script>1</script>'],
  'an archive': ['name=a', Buffer.from('504b0304', 'hex')],
  'two gigabytes of zeros, said': ['name=a', ''],
  'noise by a way out': ['name=../../outside/secret.txt', Buffer.alloc(100, 7)],
  'noise by a name of 10,000 letters': [`name=${'n'.repeat(10_000)}`, Buffer.alloc(100, 7)],
  'noise by a NUL': ['name=a%00b', Buffer.alloc(100, 7)],
};

const uploads: readonly Attack[] = Object.entries(UPLOADS).map(([name, [query, body]]) => ({
  kind: 'bodies',
  name: `an upload: ${name}`,
  must: 'refused, nothing kept',
  try: (room) =>
    unmoved(room, async () => {
      const target = `~/api/models?${query}`;
      const got = name.includes('said')
        ? await room.send([
            `POST /${room.token}/api/models?${query} HTTP/1.1\r\nHost: ${room.host}\r\nContent-Length: 2147483648\r\nConnection: close\r\n\r\nx`,
          ])
        : await room.post(target, body, 'application/octet-stream');
      return refusalOf(got) ?? kept(room);
    }),
}));

const goodUploads: readonly Attack[] = [
  ['a way out', '../../outside/taken'],
  ['an absolute path', '/tmp/taken'],
  ['a drive', 'C:\\taken'],
  ['a device', '/dev/null'],
  ['a hidden name', '.hidden'],
  ['10,000 letters', 'n'.repeat(10_000)],
  ['nothing but dots', '....'],
  ['another writing', '\u202egnp.xnno'],
].map(([name, given]) => ({
  kind: 'output names',
  name: `a model is sent by ${name}`,
  must: 'kept in the folder of the studio under a plain name',
  try: (room) =>
    unmoved(room, async () => {
      const target = `~/api/models?name=${encodeURIComponent(given as string)}`;
      const got = await room.post(target, readFileSync(room.model), 'application/octet-stream');
      const path = /"path":"([^"]*)"/.exec(got.body)?.[1] ?? '';
      const isPlain = new RegExp(`^${join(room.place, '.models')}/[A-Za-z0-9_-]{1,140}\\.onnx$`).test(path);
      return isPlain || refusalOf(got) === null ? null : path;
    }),
}));

function kept(room: StudioRoom): string | null {
  const names = readdirSync(room.place).includes('.models') ? readdirSync(join(room.place, '.models')) : [];
  const part = names.find((name) => name.endsWith('.part'));
  return part === undefined ? null : `${part} is left`;
}

/** What is sent to the studio. */
export const BODIES: readonly Attack[] = [...forms, ...types, ...flags, ...broken, ...slow, ...uploads, ...goodUploads];
