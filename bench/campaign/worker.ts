// Runs the cases of a campaign from one number on, and tells its parent of each: a child of main.ts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Surroundings, type Verdict, verdictOf } from './campaign.ts';
import { CAMPAIGNS } from './list.ts';

/** What a worker is asked for. */
export interface Order {
  readonly name: string;
  readonly seed: number;
  readonly from: number;
  readonly until: number;
}

/** What it tells: a part that begins, a case that is done, all of them. */
export type News =
  | { readonly at: number; readonly part: 'coppice' | 'runtime' }
  | { readonly done: number; readonly verdict: Verdict; readonly ms: number }
  | { readonly end: true };

const tell = (news: News): void => {
  process.send?.(news);
};

process.on('disconnect', () => process.exit());
process.once('message', async (order: Order) => {
  const campaign = CAMPAIGNS[order.name];
  if (campaign === undefined) throw new Error(`no campaign "${order.name}"`);
  const scratch = mkdtempSync(join(tmpdir(), 'coppice-campaign-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  for (let index = order.from; index < order.until; index++) {
    tell({ at: index, part: 'coppice' });
    const started = performance.now();
    const around: Surroundings = { scratch, entering: (part) => tell({ at: index, part }) };
    const verdict = await campaign.case(order.seed, index, around).catch(verdictOf);
    tell({ done: index, verdict, ms: performance.now() - started });
  }
  tell({ end: true });
  process.disconnect?.();
});
