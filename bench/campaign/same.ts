import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { METHOD_NAMES, type Method } from '../../src/methods/list.ts';
import { Folder, SMALL } from '../../test/cli-harness.ts';
import { type Campaign, RIGHT, type Verdict, wrong } from './campaign.ts';
import { command, lastLine, type Ran } from './command.ts';

/** What is another than in the first run. */
interface Otherwise {
  readonly flags?: readonly string[];
  readonly ran?: Omit<Ran, 'folder'>;
  /** Methods whose reports say that they depend on it. */
  readonly but?: readonly Method[];
}

const VARIED: Readonly<Record<string, Otherwise>> = {
  '2 threads': { flags: ['--threads', '2'], but: ['auto'] },
  '4 threads': { flags: ['--threads', '4'], but: ['auto'] },
  'limited memory': { flags: ['--memory', '2GB'] },
  'time zone': { ran: { env: { TZ: 'Pacific/Kiritimati' } } },
  language: { ran: { env: { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' } } },
  'another folder': {},
  ...Object.fromEntries(
    (process.env.COPPICE_NODES ?? '')
      .split(',')
      .filter(Boolean)
      .map((node) => [`another Node, ${node.split('/').at(-3)}`, { ran: { node } }]),
  ),
};

/** Options that make a method quick on 60 rows. */
const FLAGS: Partial<Record<Method, readonly string[]>> = {
  auto: ['--gradients', '960', '--batch', '16'],
  magnitude: [],
  'chita++': ['--samples', '40', '--batch', '1', '--stages', '3'],
  'falcon++': ['--samples', '40', '--batch', '1', '--stages', '3'],
  'chita-block': ['--samples', '40', '--block', '16'],
  'falcon-bs': ['--samples', '40', '--block', '16'],
};

let folder: Folder | undefined;
const known = new Map<Method, Buffer>();

/** Every method in other surroundings: COPPICE_NODES=/path/of/node,... adds other versions of Node. */
export const same: Campaign = {
  name: 'same',
  summary: 'every method with other threads, memory, folder, time zone, language and Node: the same bytes',
  limit: 120,
  async case(seed: number, index: number, { scratch }): Promise<Verdict> {
    folder ??= new Folder();
    const [model, data] = [folder.model('net.onnx', SMALL), folder.data('train', { rows: 60 })];
    const names = Object.keys(VARIED);
    const method = METHOD_NAMES[Math.floor(index / names.length) % METHOD_NAMES.length] as Method;
    const what = names[index % names.length] as string;
    const { flags = ['--threads', '1'], ran = {}, but = [] } = VARIED[what] as Otherwise;
    if (but.includes(method))
      return { kind: 'refused', what: `${method} depends on the number of threads, as its report says` };
    const place = join(scratch, what === 'another folder' ? 'Ünü sual, folder' : 'made');
    const made = async (name: string, own: readonly string[], how: Omit<Ran, 'folder'>): Promise<Buffer | string> => {
      const within = FLAGS[method] ?? ['--samples', '40'];
      const argv = ['prune', model, '--method', method, '--sparsity', '0.6', '--data', data, '--seed', `${seed}`];
      const ended = await command([...argv, ...within, ...own, '--no-latency', '-o', name], { folder: place, ...how });
      return ended.code === 0 ? readFileSync(join(place, name)) : lastLine(ended);
    };
    mkdirSync(place, { recursive: true });
    try {
      const first = known.get(method) ?? (await made('first.onnx', ['--threads', '1'], {}));
      if (typeof first === 'string') return wrong(`${method} does not even run: ${first}`);
      known.set(method, first);
      const other = await made('other.onnx', flags.includes('--threads') ? flags : [...flags, '--threads', '1'], ran);
      if (typeof other === 'string') return wrong(`${method}, ${what}: ${other}`);
      return other.equals(first) ? RIGHT : wrong(`${method} comes to other bytes: ${what}`);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  },
};
