/** Numbers that a long step came to, by names within it. */
export type Kept = ReadonlyMap<string, Float32Array | Float64Array>;

/**
 * The long steps of a run that may be interrupted: what the step of that name came to before the interruption, else what `work` comes to
 * now, which is kept. Steps are deterministic, so a run that begins anew and recalls comes to the same bits; names are unique in a run. What
 * is kept must not be changed afterwards.
 */
export type Recall = (name: string, work: () => Promise<Kept>) => Promise<Kept>;

/** Nothing is known, and nothing kept. */
export const WITHOUT_RECALL: Recall = (_, work) => work();

/** The same with names that begin alike, so that parts of a run do not know each other's. */
export function within(recall: Recall, part: string): Recall {
  return (name, work) => recall(`${part}/${name}`, work);
}

/** {@link Recall} for a single number. */
export async function recallNumber(recall: Recall, name: string, work: () => Promise<number>): Promise<number> {
  const kept = await recall(name, async () => new Map([['number', Float64Array.of(await work())]]));
  return kept.get('number')?.[0] as number;
}
