import type { Atom } from '../graph/spaces/atoms.ts';
import type { Space } from '../graph/spaces/spaces.ts';
import type { LayerState } from './layer-state.ts';

/** Shares of the prunable layers' multiply-adds and weights that may stay; absent = any. */
export interface ShapeBudget {
  readonly macs?: number;
  readonly params?: number;
}

/** Layers by name, as they lose channels. */
export type States = ReadonlyMap<string, LayerState>;

/** What is left of all layers. */
export interface Counts {
  readonly macs: number;
  readonly params: number;
}

/** Channels of a space that stay at least. */
const LEAST = 2;

/** Counts of all layers as they are. */
export function countsOf(states: States): Counts {
  let [macs, params] = [0, 0];
  for (const state of states.values()) {
    const kept = state.kept();
    params += kept;
    macs += kept * state.problem.macsPerWeight;
  }
  return { macs, params };
}

/** What is asked of {@link removeGroups}. */
export interface Removal {
  readonly states: States;
  readonly spaces: readonly Space[];
  /** What a unit of each space's error does to the outputs of the model. */
  readonly costs: readonly number[];
  /** Whether enough has gone. */
  readonly budget: ShapeBudget;
  readonly onRemoved?: (share: number) => void;
}

/**
 * Takes groups out one by one, the one with the least error for what it saves first, until the budget holds.
 *
 *   cost of its space x sum over the layers that read it of remove(g) / variance of their outputs / fall of what is above the budget
 *
 * Errors are those of the layers as they are by then, the inputs that stay having made up for what went before; what a group saves is that of
 * the present shapes.
 *
 * @returns the atoms that went, in their order
 */
export function removeGroups({ states, spaces, costs, budget, onRemoved }: Removal): Atom[] {
  const dense = totalOf(states);
  const gone: Atom[] = [];
  const left = spaces.map(({ groups }) => groups.map(({ atom }) => atom));
  const layersOf = touched(states, spaces);
  const falls = new Map<Atom, Counts>();
  let counts = countsOf(states);
  const start = over(counts, dense, budget);
  while (over(counts, dense, budget) > 0) {
    let best: { atom: Atom; space: number; score: number } | null = null;
    for (const [space, atoms] of left.entries()) {
      if (atoms.length <= LEAST) continue;
      for (const atom of atoms) {
        const layers = layersOf.get(atom) as LayerState[];
        const fall = falls.get(atom) ?? fallOf(layers, atom);
        falls.set(atom, fall);
        const saved = savedOf(fall, counts, { dense, budget });
        if (saved <= 0) continue;
        const score = ((costs[space] as number) * errorOf(layers, atom)) / saved;
        if (best === null || score < best.score) best = { atom, space, score };
      }
    }
    if (best === null) return gone;
    const { atom, space } = best;
    left[space] = (left[space] as Atom[]).filter((other) => other !== atom);
    const layers = layersOf.get(atom) as LayerState[];
    for (const layer of layers) {
      layer.remove(atom);
      for (const other of layer.atoms) falls.delete(other);
    }
    gone.push(atom);
    counts = countsOf(states);
    onRemoved?.(1 - Math.max(0, over(counts, dense, budget)) / start);
  }
  return gone;
}

/** Takes out the groups of one space that cost least, a share of them: what its error costs is measured on that. */
export function removeOfSpace(states: States, space: Space, share: number): { gone: Atom[]; error: number } {
  const layersOf = touched(states, [space]);
  const gone: Atom[] = [];
  let error = 0;
  let left = space.groups.map(({ atom }) => atom);
  for (let i = Math.max(1, Math.floor(share * left.length)); i > 0; i--) {
    const costs = left.map((atom) => errorOf(layersOf.get(atom) as LayerState[], atom));
    const at = costs.indexOf(Math.min(...costs));
    const atom = left[at] as Atom;
    error += costs[at] as number;
    for (const layer of layersOf.get(atom) as LayerState[]) layer.remove(atom);
    left = left.filter((other) => other !== atom);
    gone.push(atom);
  }
  return { gone, error };
}

function touched(states: States, spaces: readonly Space[]): Map<Atom, LayerState[]> {
  const found = new Map<Atom, LayerState[]>();
  for (const { groups } of spaces) for (const { atom } of groups) found.set(atom, []);
  for (const state of states.values()) for (const atom of state.atoms) found.get(atom)?.push(state);
  return found;
}

function errorOf(layers: readonly LayerState[], atom: Atom): number {
  let error = 0;
  for (const layer of layers) error += layer.cost(atom);
  return error;
}

function fallOf(layers: readonly LayerState[], atom: Atom): Counts {
  let [macs, params] = [0, 0];
  for (const layer of layers) {
    const fall = layer.kept() - layer.kept(atom);
    params += fall;
    macs += fall * layer.problem.macsPerWeight;
  }
  return { macs, params };
}

const KINDS = ['macs', 'params'] as const;

function totalOf(states: States): Counts {
  let [macs, params] = [0, 0];
  for (const { problem } of states.values()) {
    const size = problem.W.length;
    params += size;
    macs += size * problem.macsPerWeight;
  }
  return { macs, params };
}

/** By how much the counts are above the budget, as shares of the dense ones added up. */
function over(counts: Counts, dense: Counts, budget: ShapeBudget): number {
  let total = 0;
  for (const kind of KINDS)
    if (budget[kind] !== undefined) total += Math.max(0, counts[kind] / dense[kind] - (budget[kind] as number));
  return total;
}

function savedOf(fall: Counts, counts: Counts, { dense, budget }: { dense: Counts; budget: ShapeBudget }): number {
  let total = 0;
  for (const kind of KINDS)
    if (budget[kind] !== undefined && counts[kind] / dense[kind] > (budget[kind] as number))
      total += fall[kind] / dense[kind];
  return total;
}
