import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../src/checkpoint/checkpoint.node.ts';
import { Runs } from '../src/cli/studio/runs.node.ts';
import { type Studio, startStudio } from '../src/cli/studio/server.node.ts';
import { keyFile, openStudioKey, studioKey } from '../src/cli/studio/studio-key.node.ts';
import { Folder, SMALL } from './cli-harness.ts';

const TOKEN = 'c3'.repeat(20);
const KEY = studioKey('5e'.repeat(32));
const folder = new Folder();
const place = folder.at('runs');
const ran = folder.at('ran.txt');
const model = folder.model('net.onnx', SMALL);
/** In the place of the command line: says what it was begun with, and goes on until it is told to stop. */
const program = [
  process.execPath,
  folder.write(
    'recorder.mjs',
    `import { appendFileSync } from 'node:fs';
     appendFileSync(${JSON.stringify(ran)}, JSON.stringify(process.argv.slice(2)) + '\\n');
     process.on('SIGINT', () => process.exit(130));
     setTimeout(() => {}, 60000);`,
  ),
];
let runs: Runs;
let studio: Studio;

beforeAll(async () => {
  mkdirSync(place);
  runs = new Runs(place, program, KEY);
  studio = await startStudio({ runs, token: TOKEN });
});
afterAll(async () => {
  for (const { id, state } of await runs.list()) if (state === 'running') await runs.stop(id);
  await studio.close();
  folder.remove();
});

const begun = (): string[][] =>
  existsSync(ran)
    ? readFileSync(ran, 'utf8')
        .split('\n')
        .slice(0, -1) // whole lines
        .map((line) => JSON.parse(line))
    : [];
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((done) => setTimeout(done, 20));
};

interface Sent {
  readonly sent: ClientRequest;
  readonly answer: Promise<IncomingMessage>;
}

function open(
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Sent {
  const { hostname, port } = new URL(studio.address);
  const sent = request({ agent: false, hostname, port, path: `/${TOKEN}${path}`, method, headers });
  return {
    sent,
    answer: new Promise((done, fail) => {
      sent.on('response', done);
      sent.on('error', fail);
    }),
  };
}

async function ask(
  path: string,
  options: { method?: string; body?: string | Buffer; headers?: Record<string, string> } = {},
) {
  const { sent, answer } = open(path, options);
  sent.end(options.body);
  const response = await answer;
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, text };
}

async function start(name: string): Promise<string> {
  const body = JSON.stringify({ name, model, method: 'magnitude', sparsity: 0.5 });
  const before = begun().length;
  const { text } = await ask('/api/runs', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  await until(() => begun().length > before);
  return JSON.parse(text).id;
}

/** A process of this user that the studio did not begin. */
function bystander(...argv: string[]) {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)', '--', ...argv], { stdio: 'ignore' });
  let hasEnded = false;
  child.on('exit', () => {
    hasEnded = true;
  });
  return { child, hasEnded: () => hasEnded };
}

const forged = (id: string, record: object): void => {
  mkdirSync(join(place, id), { recursive: true });
  writeFileSync(join(place, id, 'studio.json'), JSON.stringify(record));
};
const recordOf = (id: string) => JSON.parse(readFileSync(join(place, id, 'studio.json'), 'utf8'));

describe('a forged record of a run', () => {
  const facts = {
    schema: 'coppice/studio@1',
    name: 'forged',
    created: 1,
    request: { model, method: 'magnitude', sparsity: 0.5, preprocess: {}, options: {} },
  };

  it('stops no process, whatever it says of it', async () => {
    const report = join(place, 'forged-stop');
    const { child, hasEnded } = bystander(`--report=${report}`);
    forged('forged-stop', { ...facts, arguments: ['prune', model, `--report=${report}`], pid: child.pid, nonce: 'x' });
    expect(await ask('/api/runs/forged-stop/stop', { method: 'POST' })).toMatchObject({
      status: 422,
      text: expect.stringContaining('was not begun by this studio'),
    });
    await new Promise((done) => setTimeout(done, 200));
    expect(hasEnded()).toBe(false);
    child.kill();
  });

  it('begins nothing', async () => {
    const before = begun();
    const argv = ['prune', model, '--output=/tmp/elsewhere.onnx', `--report=${join(place, 'forged-resume')}`];
    forged('forged-resume', { ...facts, arguments: argv, pid: null });
    forged('forged-seal', { seal: 'ab'.repeat(32), ...facts, arguments: argv, pid: null });
    for (const id of ['forged-resume', 'forged-seal']) {
      const { status, text } = await ask(`/api/runs/${id}/resume`, { method: 'POST' });
      expect([status, JSON.parse(text).message]).toEqual([422, expect.stringContaining('it was not begun here')]);
      expect((await runs.summary(id)).resumable).toBeNull();
    }
    expect(begun()).toEqual(before);
  });

  it('of a run that was begun here is none in another folder, nor with another argument', async () => {
    const id = await start('own');
    await runs.stop(id);
    await until(async () => (await runs.summary(id)).state !== 'running');
    expect((await runs.summary(id)).resumable).toBe('anew');
    cpSync(join(place, id), join(place, 'copied'), { recursive: true });
    const text = readFileSync(join(place, id, 'studio.json'), 'utf8');
    cpSync(join(place, id), join(place, 'edited'), { recursive: true });
    writeFileSync(join(place, 'edited', 'studio.json'), text.replace('"pid":', ' "pid":'));
    const before = begun();
    for (const other of ['copied', 'edited'])
      expect((await ask(`/api/runs/${other}/resume`, { method: 'POST' })).status).toBe(422);
    const another = new Runs(place, program, studioKey('77'.repeat(32)));
    await expect(another.resume(id)).rejects.toThrow('it was not begun here');
    expect(begun()).toEqual(before);
    await runs.resume(id);
    await until(() => begun().length > before.length);
    expect(begun().at(-1)).toEqual(recordOf(id).arguments);
    await runs.stop(id);
  });

  it('and a state that somebody put into its folder goes on with nothing', async () => {
    const id = await start('state');
    await runs.stop(id);
    await until(async () => (await runs.summary(id)).state !== 'running');
    const state = openCheckpoint(join(place, id, 'model.checkpoint'), {
      command: ['coppice', 'prune', model, '--output=/tmp/elsewhere.onnx'],
      folder: folder.path,
      key: {},
    });
    await state.save({ pruning: null, stages: [], epochs: [], training: null }, {});
    const before = begun();
    const { status, text } = await ask(`/api/runs/${id}/resume`, { method: 'POST' });
    expect([status, JSON.parse(text).message]).toEqual([
      422,
      expect.stringContaining('the state in its folder is of another run'),
    ]);
    expect(begun()).toEqual(before);
  });
});

describe('links in the folder of a run', () => {
  const secret = folder.write('secret.txt', 'a secret');

  it.each(['report.html', 'report.json', 'sweep.json', 'model.onnx', 'events.ndjson', 'studio.json'])(
    'lead nowhere: %s',
    async (name) => {
      const id = `link-${name}`;
      mkdirSync(join(place, id));
      symlinkSync(name === 'report.json' ? model : secret, join(place, id, name));
      const answers = [
        await ask(`/runs/${id}/${name}`),
        await ask(`/api/runs/${id}`),
        await ask(`/api/runs/${id}/events`),
        await ask('/api/runs'),
      ];
      for (const { text } of answers) expect(text).not.toContain('a secret');
      expect(answers[0]?.status).toBe(422);
    },
  );

  it('are not written through: neither a result nor the events of a run that is resumed', async () => {
    for (const name of ['events.ndjson', 'output.txt', 'model.onnx', 'report.json', 'model.checkpoint']) {
      const id = await start(`through ${name}`);
      await runs.stop(id);
      await until(async () => (await runs.summary(id)).state !== 'running');
      rmSync(join(place, id, name), { force: true });
      symlinkSync(secret, join(place, id, name));
      const before = begun();
      const { status, text } = await ask(`/api/runs/${id}/resume`, { method: 'POST' });
      expect([name, status, text]).toEqual([name, 422, expect.stringContaining('is a link')]);
      expect([begun(), readFileSync(secret, 'utf8')]).toEqual([before, 'a secret']);
    }
  });

  it('and a folder that is one is no run', async () => {
    mkdirSync(folder.at('outside'));
    writeFileSync(folder.at('outside/report.html'), 'outside');
    symlinkSync(folder.at('outside'), join(place, 'way-out'));
    expect((await ask('/runs/way-out/report.html')).status).toBe(422);
  });
});

describe('what is asked for too much', () => {
  it('a port that is taken is a sentence', async () => {
    const port = Number(new URL(studio.address).port);
    await expect(startStudio({ runs, port })).rejects.toThrow(
      `Cannot serve the studio on port ${port}: another program uses it; give another, or 0 for any that is free`,
    );
  });

  it('uploads of one name at once all arrive, each under a name of its own', async () => {
    const models = Array.from({ length: 8 }, (_, i) =>
      readFileSync(folder.model(`up-${i}.onnx`, SMALL.replace('random(1)', `random(${i + 10})`))),
    );
    const answers = await Promise.all(
      [...models, ...models].map((body) => ask('/api/models?name=same.onnx', { method: 'POST', body })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const paths = answers.map(({ text }) => JSON.parse(text).path as string);
    for (const [i, path] of paths.entries()) expect(readFileSync(path).equals(models[i % 8] as Buffer)).toBe(true);
    expect(new Set(paths).size).toBe(8);
    expect(readdirSync(join(place, '.models')).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('an upload that ends early leaves nothing', async () => {
    const before = readdirSync(join(place, '.models'));
    const { sent, answer } = open('/api/models?name=cut.onnx', {
      method: 'POST',
      headers: { 'content-length': '5000' },
    });
    answer.catch(() => undefined);
    sent.write('half of it');
    await new Promise((done) => setTimeout(done, 100));
    sent.destroy();
    await until(() => readdirSync(join(place, '.models')).length === before.length);
    expect(readdirSync(join(place, '.models'))).toEqual(before);
  });

  it('a form that is too long, or comes too slowly, is given up', async () => {
    const headers = { 'content-type': 'application/json' };
    const long = await ask('/api/runs', { method: 'POST', headers, body: 'x'.repeat(1 << 20) }).catch(() => ({
      status: 422,
      text: 'too long',
    }));
    expect(long).toMatchObject({ status: 422, text: expect.stringContaining('too long') });
  });

  it('a run with a large file of events is listed at once', async () => {
    const id = 'large-events';
    mkdirSync(join(place, id));
    writeFileSync(join(place, id, 'report.json'), '{}');
    const end = `${JSON.stringify({ type: 'failure', at: 1, message: 'it broke' })}\n${JSON.stringify({ type: 'end', at: 1, code: 3 })}\n`;
    const line = `${JSON.stringify({ type: 'note', at: 1, message: 'x'.repeat(1000) })}\n`;
    const own = await start('large');
    await runs.stop(own);
    writeFileSync(join(place, own, 'events.ndjson'), line.repeat(60_000) + end);
    const before = process.memoryUsage().rss;
    expect(await runs.summary(own)).toMatchObject({ state: 'failed', message: 'it broke' });
    expect(process.memoryUsage().rss - before).toBeLessThan(40e6);
    rmSync(join(place, own), { recursive: true });
  });

  it('a reader that takes nothing is not buffered for, and the others are served', async () => {
    const id = await start('slow');
    const line = `${JSON.stringify({ type: 'note', at: 1, message: 'y'.repeat(1000) })}\n`;
    writeFileSync(join(place, id, 'events.ndjson'), line.repeat(30_000));
    const before = process.memoryUsage().rss;
    const slow = Array.from({ length: 20 }, () => {
      const socket = connect(Number(new URL(studio.address).port), '127.0.0.1');
      socket.write(`GET /${TOKEN}/api/runs/${id}/events HTTP/1.1\r\nHost: ${new URL(studio.address).host}\r\n\r\n`);
      return socket.pause();
    });
    await new Promise((done) => setTimeout(done, 700));
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6); // 30 MB of events for each of 20
    expect((await ask('/api/methods')).status).toBe(200);
    for (const socket of slow) socket.destroy();
    await runs.stop(id);
  }, 60_000);

  it('500 streams of events cost little while nothing happens, and hear what does', async () => {
    const id = await start('many');
    const heard = new Set<number>();
    const streams = Array.from({ length: 500 }, (_, i) => {
      const { sent, answer } = open(`/api/runs/${id}/events`);
      sent.end();
      answer.then(
        (response) => response.on('data', (chunk) => String(chunk).includes('at last') && heard.add(i)),
        () => undefined,
      );
      return sent;
    });
    await new Promise((done) => setTimeout(done, 2000));
    const before = process.cpuUsage();
    await new Promise((done) => setTimeout(done, 2000));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 2e6).toBeLessThan(0.5); // of a core
    writeFileSync(join(place, id, 'events.ndjson'), `${JSON.stringify({ type: 'note', at: 1, message: 'at last' })}\n`);
    await until(() => heard.size === 500);
    for (const sent of streams) sent.destroy();
    await runs.stop(id);
  }, 60_000);
});

describe('the secret of the studio', () => {
  it('is made once, for its user alone, and not where others could read it', () => {
    const home = mkdtempSync(join(tmpdir(), 'coppice-key-'));
    const path = keyFile({ XDG_STATE_HOME: home });
    const key = openStudioKey(path);
    const seal = key?.seal('record', 'text') ?? '';
    expect([statSync(path).mode & 0o777, openStudioKey(path)?.isSealed('record', 'text', seal)]).toEqual([0o600, true]);
    expect([key?.isSealed('process', 'text', seal), key?.isSealed('record', 'texts', seal)]).toEqual([false, false]);
    chmodSync(path, 0o644);
    expect(openStudioKey(path)).toBeNull();
    chmodSync(path, 0o600);
    linkSync(path, `${path}.kept`);
    rmSync(path);
    symlinkSync(`${path}.kept`, path);
    expect(openStudioKey(path)).toBeNull();
    rmSync(home, { recursive: true });
  });
});
