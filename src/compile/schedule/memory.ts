import type { Buffer } from './step.ts';

/** Steps between which a buffer is in use: first written, last read. */
export interface Life {
  readonly first: number;
  readonly last: number;
}

/** Where buffers lie, in elements from the beginning of the working memory. */
export interface MemoryPlan {
  readonly places: ReadonlyMap<Buffer, number>;
  readonly elements: number;
}

/** Kind of buffers whose every element is written before it is read. */
export const PLAIN = 'plain';
/** Kind of buffers that keep what they hold: inputs, outputs, zeros around what is written. */
export const OWN = 'own';
/** Kind of constants; not part of the working memory. */
export const FIXED = 'fixed';

/**
 * Places buffers so that those in use at the same time never overlap. Plain ones share any memory; pictures with borders share whole
 * places with pictures of their geometry alone, so that borders stay zero.
 *
 * @param first  element where the working memory begins
 */
export function planMemory(lives: ReadonlyMap<Buffer, Life>, first: number): MemoryPlan {
  const places = new Map<Buffer, number>();
  let end = first;
  const kinds = new Map<string, Buffer[]>();
  for (const buffer of lives.keys()) kinds.set(buffer.kind, [...(kinds.get(buffer.kind) ?? []), buffer]);
  for (const [kind, buffers] of kinds) {
    if (kind === FIXED) continue;
    end = upToFour(
      kind === PLAIN
        ? packed(buffers, lives, { places, first: end })
        : slotted(buffers, lives, { places, first: end, shared: kind !== OWN }),
    );
  }
  return { places, elements: end };
}

interface Into {
  readonly places: Map<Buffer, number>;
  readonly first: number;
}

function upToFour(x: number): number {
  return Math.ceil(x / 4) * 4;
}

function overlap(a: Life, b: Life): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The largest first, each at the lowest place where nothing in use at the same time lies. */
function packed(buffers: readonly Buffer[], lives: ReadonlyMap<Buffer, Life>, { places, first }: Into): number {
  const done: Buffer[] = [];
  let end = first;
  for (const buffer of [...buffers].sort((a, b) => b.elements - a.elements)) {
    const life = lives.get(buffer) as Life;
    const taken = done
      .filter((other) => overlap(life, lives.get(other) as Life))
      .map((other) => [places.get(other) as number, (places.get(other) as number) + upToFour(other.elements)] as const)
      .sort(([a], [b]) => a - b);
    let at = first;
    for (const [from, to] of taken) if (at + upToFour(buffer.elements) > from) at = Math.max(at, to);
    places.set(buffer, at);
    done.push(buffer);
    end = Math.max(end, at + upToFour(buffer.elements));
  }
  return end;
}

interface Slot {
  elements: number;
  readonly members: Buffer[];
  free: number;
}

/** Whole places, used again once the one before is done. */
function slotted(
  buffers: readonly Buffer[],
  lives: ReadonlyMap<Buffer, Life>,
  { places, first, shared }: Into & { readonly shared: boolean },
): number {
  const slots: Slot[] = [];
  for (const buffer of [...buffers].sort((a, b) => (lives.get(a) as Life).first - (lives.get(b) as Life).first)) {
    const life = lives.get(buffer) as Life;
    const free = shared ? slots.find((slot) => slot.free < life.first) : undefined;
    const slot = free ?? { elements: 0, members: [], free: 0 };
    if (free === undefined) slots.push(slot);
    slot.members.push(buffer);
    slot.elements = Math.max(slot.elements, buffer.elements);
    slot.free = life.last;
  }
  let at = first;
  for (const { elements, members } of slots) {
    for (const buffer of members) places.set(buffer, at);
    at += upToFour(elements);
  }
  return at;
}
