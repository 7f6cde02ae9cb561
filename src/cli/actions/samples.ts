import type { OpenedData } from '../../pipeline/opened-data.ts';
import type { Context } from '../context.ts';

/** What stands in for an input, in words. */
const FILLED = { ones: 'ones', zeros: 'zeros', counting: 'numbers that count from 0' } as const;

/** Says where a model does not take samples as they come: what depends on the batch, what is filled in, and what is done about it. */
export function warnOfSamples({ warn }: Context, ...opened: readonly (OpenedData | null)[]): void {
  for (const data of opened) {
    const remark = data?.source.tested?.remark;
    if (remark != null) warn(remark);
    for (const { name, by } of data?.source.filled ?? [])
      warn(`input "${name}" has no array in the data: it is filled with ${FILLED[by]}`);
  }
}
