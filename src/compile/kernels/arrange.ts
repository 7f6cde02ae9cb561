import { isPicked, operand, partsOf, replaceOperands } from '../expression/expression.ts';
import type { Nest, Walk } from '../schedule/step.ts';

/** A nest with its loops in the order in which they run; the walk of the output comes first. */
export interface Arranged extends Pick<Nest, 'counts' | 'reduced' | 'combine' | 'map' | 'finish'> {
  readonly walks: readonly Pick<Walk, 'strides'>[];
  /** Four neighbours of the last output loop at once, or of the last reduced one, or none. */
  readonly vector: 'output' | 'reduced' | 'none';
  /** The loop whose neighbours those are; -1 for none. */
  readonly vectorLoop: number;
}

/** Puts the loop in which neighbours lie side by side last, and makes one loop of those that run on into each other. */
export function arrange(nest: Nest): Arranged {
  const outer = nest.counts.length - nest.reduced;
  const all = nest.counts.map((_, loop) => loop);
  const isSide = (loop: number): boolean =>
    nest.operands.every(({ strides }, i) => isSideStride(strides[loop] as number, isPickedFrom(nest, i))) &&
    !picksAlong(nest, loop);
  const outputs = all.slice(0, outer);
  const reduced = all.slice(outer);
  const along = widest(
    nest,
    outputs.filter((loop) => nest.out.strides[loop] === 1 && isSide(loop)),
  );
  const across =
    along === undefined || (nest.counts[along] as number) < 4 ? widest(nest, reduced.filter(isSide)) : undefined;
  const vector =
    across !== undefined && (nest.counts[across] as number) >= 4 ? 'reduced' : along === undefined ? 'none' : 'output';
  const order = [
    ...(vector === 'output' ? last(outputs, along) : outputs),
    ...(vector === 'reduced' ? last(reduced, across) : reduced),
  ];
  return merged(nest, order, vector);
}

/** Strides at which vectors are read: the same element, neighbours, every other one. */
function isSideStride(stride: number, isPicked: boolean): boolean {
  return stride === 0 || stride === 1 || (stride === 2 && !isPicked);
}

function isPickedFrom(nest: Nest, index: number): boolean {
  return isPicked(nest.map, index) || isPicked(nest.finish, index);
}

function widest(nest: Nest, loops: readonly number[]): number | undefined {
  return [...loops].sort((a, b) => (nest.counts[b] as number) - (nest.counts[a] as number))[0];
}

function last(loops: readonly number[], chosen: number | undefined): number[] {
  return chosen === undefined ? [...loops] : [...loops.filter((loop) => loop !== chosen), chosen];
}

interface Loop {
  readonly count: number;
  readonly strides: readonly number[];
  readonly isReduced: boolean;
}

function merged(nest: Nest, order: readonly number[], vector: Arranged['vector']): Arranged {
  const walks = [nest.out, ...nest.operands];
  const outer = nest.counts.length - nest.reduced;
  const loops: Loop[] = [];
  for (const loop of order) {
    const next = {
      count: nest.counts[loop] as number,
      strides: walks.map(({ strides }) => strides[loop] ?? 0),
      isReduced: loop >= outer,
    };
    const before = loops.at(-1);
    if (next.count === 1) continue;
    if (before === undefined || before.isReduced !== next.isReduced || !runsOn(before, next)) loops.push(next);
    else loops[loops.length - 1] = { ...next, count: before.count * next.count };
  }
  const reduced = loops.filter(({ isReduced }) => isReduced).length;
  const { vector: kind, vectorLoop } = vectorOf(loops, reduced, vector);
  return {
    counts: loops.map(({ count }) => count),
    reduced,
    combine: nest.combine,
    map:
      reduced > 0
        ? nest.map
        : replaceOperands(
            nest.finish,
            (i) => (i < 0 ? nest.map : operand(i)),
            (i) => i,
          ),
    finish: nest.finish,
    walks: walks.map((_, i) => ({ strides: loops.map(({ strides }) => strides[i] as number) })),
    vector: kind,
    vectorLoop,
  };
}

function runsOn(outer: Loop, inner: Loop): boolean {
  return outer.strides.every((stride, i) => stride === inner.count * (inner.strides[i] as number));
}

/** A loop that ran once is gone, and its neighbours with it. */
function vectorOf(
  loops: readonly Loop[],
  reduced: number,
  vector: Arranged['vector'],
): Pick<Arranged, 'vector' | 'vectorLoop'> {
  const at = vector === 'output' ? loops.length - reduced - 1 : loops.length - 1;
  const loop = vector === 'none' ? undefined : loops[at];
  const isRight =
    loop !== undefined &&
    loop.isReduced === (vector === 'reduced') &&
    loop.strides.every((s) => isSideStride(s, false));
  return isRight && (vector === 'reduced' || loop.strides[0] === 1)
    ? { vector, vectorLoop: at }
    : { vector: 'none', vectorLoop: -1 };
}

/** Whether an expression picks by an index that changes along a loop: then lanes differ, and vectors cannot be used. */
function picksAlong(nest: Nest, loop: number): boolean {
  const parts = [nest.map, nest.finish].flatMap((expression) => [...partsOf(expression)]);
  return parts.some(
    (part) =>
      part.kind === 'pick' &&
      [...partsOf(part.index)].some(
        (inner) => inner.kind === 'operand' && inner.index >= 0 && nest.operands[inner.index]?.strides[loop] !== 0,
      ),
  );
}
