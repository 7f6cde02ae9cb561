import { type Campaign, type Verdict, verdictOf, wrong } from './campaign.ts';
import { filesOf } from './graphs-files.ts';
import { gradientsOf } from './graphs-gradients.ts';
import { layersOf } from './graphs-layers.ts';
import { tiesOf } from './graphs-ties.ts';
import { twinsOf } from './graphs-twins.ts';
import { valuesOf } from './graphs-values.ts';

/** What is checked of a graph. */
const CHECKS = {
  gradients: gradientsOf,
  values: valuesOf,
  ties: tiesOf,
  files: filesOf,
  layers: layersOf,
  twins: twinsOf,
} as const satisfies Readonly<Record<string, (key: string) => Promise<Verdict>>>;

const QUICK = ['gradients', 'values', 'ties', 'files', 'layers'] as const;
/** Whose turn it is: twins take several times as long as any other check. */
const TURNS = [...QUICK, 'twins', ...QUICK, ...QUICK] as const;

/** Random networks of opsets 11 to 23 with results that are known otherwise. */
export const graphs: Campaign = {
  name: 'graphs',
  summary:
    'random networks: gradient rows against differences, files against claims, layers against least squares, twins',
  limit: 60,
  async case(seed, index) {
    const name = TURNS[index % TURNS.length] as (typeof TURNS)[number];
    const key = `graphs/${seed}/${index}`;
    try {
      const verdict = await CHECKS[name](key);
      return verdict.kind === 'wrong' ? wrong(`${name}: ${verdict.what}`) : verdict;
    } catch (thrown) {
      const verdict = verdictOf(thrown);
      if (verdict.what?.startsWith('engine: ')) return wrong(`${name}: in the runtime's own words: ${verdict.what}`);
      return { ...verdict, what: `${name}: ${verdict.what}` };
    }
  },
};
