import type { Context } from '../context.ts';
import type { OpenedData } from '../opening.node.ts';

/** Says where a model does not take samples as they come: what depends on the batch, and what is done about it. */
export function warnOfSamples({ warn }: Context, ...opened: readonly (OpenedData | null)[]): void {
  for (const data of opened) {
    const remark = data?.source.tested?.remark;
    if (remark != null) warn(remark);
  }
}
