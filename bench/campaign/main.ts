// npm run campaign -- NAME [--minutes n] [--cases n] [--seed s] [--only INDEX]: cases without end; goes on after the last one that was finished.
import { type ChildProcess, fork } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Campaign, FAULTS, type Verdict } from './campaign.ts';
import { CAMPAIGNS } from './list.ts';
import { type Kept, keep, kept, tally } from './state.ts';
import type { News, Order } from './worker.ts';

/** A case hangs when its processor time passes the limit; where that is not known, its time passes the limit so many times. */
const UNSURE = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const campaign = CAMPAIGNS[positionals[0] ?? ''];
if (campaign === undefined) {
  console.error(
    `npm run campaign -- NAME, one of:\n${Object.values(CAMPAIGNS)
      .map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`)
      .join('\n')}`,
  );
  process.exit(2);
}
const seed = Number(values.seed);
const root = process.cwd();
// The compiled sources tell their version by the package above them.
copyFileSync(join(root, 'package.json'), join(root, 'out', 'campaign', 'package.json'));

/** Processor seconds that a child has used; null where the system does not tell. */
function processorSeconds(pid: number | undefined): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}

/** Where a worker is. */
interface Watched {
  at: number;
  part: 'coppice' | 'runtime';
  since: number;
  used: number | null;
}

/** Runs cases in one worker until the time is up, it ends, or one of its cases hangs. @returns the next case, and whether all is done */
function throughWorker(
  order: Order,
  onVerdict: (index: number, verdict: Verdict) => void,
  ends: number,
): Promise<number> {
  return new Promise((resolve) => {
    const worker: ChildProcess = fork(fileURLToPath(new URL('./worker.js', import.meta.url)), {
      execArgv: ['--max-old-space-size=3000'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const watched: Watched = { at: order.from, part: 'coppice', since: performance.now(), used: 0 };
    let said = '';
    let [next, isStopped, hangs] = [order.from, false, false];
    worker.stderr?.on('data', (text) => {
      said = (said + text).slice(-1500);
    });
    worker.on('message', (news: News) => {
      if ('at' in news) Object.assign(watched, { at: news.at, part: news.part, since: performance.now(), used: null });
      else if ('done' in news) {
        next = news.done + 1;
        onVerdict(news.done, news.verdict);
        if (performance.now() > ends) stop();
      } else stop();
    });
    const stop = (): void => {
      isStopped = true;
      worker.kill('SIGKILL');
    };
    const watch = setInterval(() => {
      const used = processorSeconds(worker.pid);
      watched.used ??= used;
      const wall = (performance.now() - watched.since) / 1000;
      const limit = (campaign as Campaign).limit;
      hangs =
        wall > limit &&
        (used === null || watched.used === null
          ? wall > UNSURE * limit
          : used - watched.used > limit || wall > UNSURE * UNSURE * limit);
      if (hangs) worker.kill('SIGKILL');
    }, 500);
    worker.on('close', (code, signal) => {
      clearInterval(watch);
      if (!isStopped) {
        const ended = hangs
          ? `over ${(campaign as Campaign).limit} s`
          : `ended by ${signal ?? code}: ${said.trim().split('\n').slice(0, 3).join(' | ').slice(0, 300)}`;
        const kind = watched.part === 'runtime' ? 'runtime' : hangs ? 'hang' : 'crash';
        onVerdict(watched.at, { kind, what: ended });
        next = watched.at + 1;
      }
      resolve(next);
    });
    worker.send(order);
  });
}

/** One case again, told in full. */
async function again(index: number): Promise<void> {
  await throughWorker(
    { name: (campaign as Campaign).name, seed, from: index, until: index + 1 },
    (at, verdict) => console.log(at, verdict),
    Number.POSITIVE_INFINITY,
  );
}

/** Cases one after another; what is found is kept every few seconds. */
async function all(state: Kept): Promise<void> {
  const { name } = campaign as Campaign;
  const started = performance.now();
  const ends = started + 60_000 * Number(values.minutes);
  const until = values.cases === undefined ? Number.MAX_SAFE_INTEGER : state.next + Number(values.cases);
  const before = structuredClone(state);
  let lastKept = started;
  while (performance.now() < ends && state.next < until) {
    state.next = await throughWorker(
      { name, seed, from: state.next, until },
      (index, verdict) => {
        tally(state, index, verdict);
        state.next = index + 1;
        if (FAULTS.some((fault) => fault === verdict.kind))
          console.log(`case ${index}: ${verdict.kind}: ${verdict.what ?? ''}`);
        if (performance.now() - lastKept > 5000) {
          lastKept = performance.now();
          keep(root, state);
        }
      },
      ends,
    );
  }
  state.minutes += (performance.now() - started) / 60_000;
  keep(root, state);
  tell(state, before);
}

function tell(state: Kept, before: Kept): void {
  const counts = FAULTS.map((fault) => `${state.counts[fault] ?? 0} ${fault}`).join(', ');
  console.log(
    `\n${state.name}, seed ${state.seed}: ${state.next} cases (${state.next - before.next} of them now): ${state.counts.right ?? 0} right, ${state.counts.refused ?? 0} refused, ${state.counts.runtime ?? 0} the runtime's own; ${counts}`,
  );
  const reasons = Object.entries(state.reasons).sort(([, a], [, b]) => b - a);
  for (const [reason, times] of reasons.slice(0, 12)) console.log(`  ${String(times).padStart(7)}  ${reason}`);
  const csv = join(root, 'bench', 'results', 'campaign.csv');
  if (!existsSync(csv)) {
    mkdirSync(dirname(csv), { recursive: true });
    writeFileSync(csv, 'date,what,seed,cases,right,refused,runtime,wrong,bug,crash,hang,minutes,version\n');
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const of = (kind: string): number => (state.counts[kind] ?? 0) - (before.counts[kind] ?? 0);
  const row = [
    new Date().toISOString().slice(0, 10),
    state.name,
    state.seed,
    state.next - before.next,
    ...['right', 'refused', 'runtime', ...FAULTS].map(of),
    (state.minutes - before.minutes).toFixed(1),
    version,
  ];
  appendFileSync(csv, `${row.join(',')}\n`);
}

if (values.only !== undefined) await again(Number(values.only));
else await all(kept(root, { name: campaign.name, seed }));
