/** A result of a task some of whose buffers go over to the caller rather than being copied; `thread.node.mjs` takes it apart too. */
export interface Moving<T> {
  readonly value: T;
  readonly coppiceMoves: readonly ArrayBuffer[];
}

/** @param buffers  parts of the value that its maker needs no more */
export function moving<T>(value: T, buffers: readonly ArrayBuffer[]): Moving<T> {
  return { value, coppiceMoves: buffers };
}

/** The value itself, where nothing lies between. */
export function unwrapped(result: unknown): unknown {
  const isMoving = typeof result === 'object' && result !== null && 'coppiceMoves' in result;
  return isMoving ? (result as Moving<unknown>).value : result;
}
