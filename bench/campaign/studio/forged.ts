import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../../src/checkpoint/checkpoint.node.ts';
import { type Attack, refusalOf, type StudioRoom, unmoved } from './room.ts';

/** A record as a stranger writes it. */
function factsOf(room: StudioRoom, more: object): string {
  const request = { model: room.model, method: 'magnitude', sparsity: 0.5, preprocess: {}, options: {} };
  return JSON.stringify({
    schema: 'coppice/studio@1',
    name: 'forged',
    created: 1,
    request,
    arguments: ['prune', room.model, `--output=${join(room.outside, 'forged.onnx')}`],
    nonce: 'x',
    ...more,
  });
}

const victims: ChildProcess[] = [];

/** A process of this user that the studio did not begin; `env` may look like one of its runs. */
function bystander(env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 120000)'], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  victims.push(child);
  return child;
}

/** Stop signals nobody, Resume runs nothing, and the list goes on. */
async function deaf(room: StudioRoom, id: string, victim?: ChildProcess): Promise<string | null> {
  const passed = await unmoved(room, async () => {
    for (const what of ['stop', 'resume']) {
      const wrong = refusalOf(await room.ask({ method: 'POST', target: `~/api/runs/${id}/${what}` }), [422]);
      if (wrong !== null) return `${what}: ${wrong}`;
    }
    const list = await room.ask({ target: '~/api/runs' });
    return list.status === 200 ? null : 'the list is broken';
  });
  if (victim === undefined) return passed;
  await new Promise((next) => setTimeout(next, 100));
  const hasEnded = victim.exitCode !== null || victim.signalCode !== null;
  victim.kill('SIGKILL');
  return hasEnded ? 'a foreign process was stopped' : passed;
}

const row = (name: string, look: (room: StudioRoom, id: string) => Promise<string | null>): Attack => ({
  kind: 'forged records',
  name,
  must: 'Stop signals nobody, Resume runs nothing',
  try: (room) => look(room, 'forged'),
});

const forge = (room: StudioRoom, more: object): void =>
  void room.made('forged', { 'studio.json': factsOf(room, more) });

const PIDS: Readonly<Record<string, unknown>> = {
  'the first process': 1,
  'the studio itself': process.pid,
  'the parent of the studio': process.ppid,
  'all processes of a group': 0,
  'all processes': -1,
  'a group': -process.pid,
  'half a number': 1.5,
  'a number beyond all': 1e300,
  'a number that wraps round': 2 ** 32 + process.pid,
  'a text': String(process.pid),
  'a list': [process.pid],
};

const numbers: readonly Attack[] = Object.entries(PIDS).map(([name, pid]) =>
  row(`the number of ${name}`, async (room, id) => {
    forge(room, { pid });
    return deaf(room, id);
  }),
);

const ENVIRONMENTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a foreign process': {},
  'one with an empty secret': { COPPICE_STUDIO_RUN: '' },
  'one with a made-up secret': { COPPICE_STUDIO_RUN: 'ab'.repeat(32) },
  'one whose secret is "undefined"': { COPPICE_STUDIO_RUN: 'undefined' },
};

const processes: readonly Attack[] = Object.entries(ENVIRONMENTS).map(([name, env]) =>
  row(`the number of ${name}`, async (room, id) => {
    const victim = bystander(env);
    forge(room, { pid: victim.pid });
    return deaf(room, id, victim);
  }),
);

const SEALS: Readonly<Record<string, string>> = {
  'a made-up seal': 'ab'.repeat(32),
  'an empty seal': '',
  'a seal of zeros': '0'.repeat(64),
  'a seal in capitals': 'AB'.repeat(32),
  'a short seal': 'ab',
};

const seals: readonly Attack[] = Object.entries(SEALS).map(([name, seal]) =>
  row(name, async (room, id) => {
    room.made(id, { 'studio.json': `{"seal":"${seal}",${factsOf(room, { pid: null }).slice(1)}` });
    return deaf(room, id);
  }),
);

/** Changes of a true record. */
const EDITS: Readonly<Record<string, (text: string) => string>> = {
  'with a space more': (text) => text.replace('"pid":', ' "pid":'),
  'with another output': (text) => text.replace('--output=', '--output=/tmp/x'),
  'with another model': (text) => text.replace('net.onnx', 'other.onnx'),
  'with a line more': (text) => `${text}\n`,
  'with a second list of arguments': (text) => text.replace('"pid":', '"arguments": ["prune"], "pid":'),
  'with its seal twice': (text) => text.replace(/^\{("seal":"[0-9a-f]{64}",)/, '{$1$1'),
  'with its seal behind': (text) => text.replace(/^\{("seal":"[0-9a-f]{64}"),/, '{').replace(/\}\s*$/, ',$1}'),
  'with a mark of the order of bytes': (text) => `\ufeff${text}`,
};

const edits: readonly Attack[] = [
  ...Object.entries(EDITS).map(([name, edit]) =>
    row(`a true record ${name}`, async (room) => {
      const id = await room.ended('edited');
      const path = join(room.place, id, 'studio.json');
      writeFileSync(path, edit(readFileSync(path, 'utf8')));
      return deaf(room, id);
    }),
  ),
  row('a true record in the folder of another', async (room, id) => {
    const own = await room.ended('copied');
    room.made(id);
    cpSync(join(room.place, own), join(room.place, id), { recursive: true });
    return deaf(room, id);
  }),
  row('an older true record, its process gone', async (room) => {
    const own = await room.start('older');
    const path = join(room.place, own, 'studio.json');
    const victim = bystander();
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"pid": \d+/, `"pid": ${victim.pid}`));
    const { pid } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number };
    return pid === victim.pid ? deaf(room, own, victim) : 'the record was not changed';
  }),
];

/** Files that are no records. */
const NONE: Readonly<Record<string, string>> = {
  'an empty file': '',
  'half a record': '{"schema":"coppice/studio@1","name":',
  'two megabytes': `{"schema":"${'x'.repeat(2 << 20)}"}`,
  'lists in each other': '['.repeat(500_000),
  'a prototype': '{"__proto__":{"polluted":1}}',
  null: 'null',
};

const none: readonly Attack[] = [
  ...Object.entries(NONE).map(([name, text]) =>
    row(name, async (room, id) => {
      room.made(id, { 'studio.json': text });
      return deaf(room, id);
    }),
  ),
  row('a prototype as the request', async (room, id) => {
    const facts = factsOf(room, { pid: null }).replace('"preprocess":{}', '"preprocess":{"__proto__":{"polluted":1}}');
    room.made(id, { 'studio.json': facts });
    return deaf(room, id);
  }),
  row('a state that somebody put into the folder of a true run', async (room) => {
    const own = await room.ended('state');
    const state = openCheckpoint(join(room.place, own, 'model.checkpoint'), {
      command: ['coppice', 'prune', room.model, `--output=${join(room.outside, 'forged.onnx')}`],
      folder: room.outside,
      key: {},
    });
    await state.save({ pruning: null, stages: [], epochs: [], training: null }, {});
    return unmoved(room, async () =>
      refusalOf(await room.ask({ method: 'POST', target: `~/api/runs/${own}/resume` }), [422]),
    );
  }),
];

/** What lies in the folder of a run and says what it is not. */
export const FORGED: readonly Attack[] = [...numbers, ...processes, ...seals, ...edits, ...none];
