import { DataError, type Remedy } from '../errors/errors.ts';
import { constantsOf } from '../graph/constants.ts';
import { widenConstant } from '../graph/passes/widen-floats.ts';
import { tensorOf } from '../ir/access.ts';
import type { Constant, Model } from '../ir/model.ts';

/**
 * Whether all that changed in a model's float constants is finite: what was not finite before may stay so.
 *
 * @returns the name of the first constant with an element that is infinite or no number since then; null if there is none
 * Cost: one pass over the constants that changed.
 */
export function becameNonFinite(before: Model, after: Model): string | null {
  const old = constantsOf(before.graph);
  for (const [name, constant] of constantsOf(after.graph)) {
    const was = old.get(name);
    if (was?.raw === constant.raw || was === constant) continue;
    const values = floatsOf(constant);
    if (values === null || allFinite(values)) continue;
    const known = was === undefined ? null : floatsOf(was);
    for (let i = 0; i < values.length; i++)
      if (!Number.isFinite(values[i]) && !Object.is(values[i], known?.[i])) return name;
  }
  return null;
}

/**
 * The last check of a model that is handed out, whatever made it.
 *
 * @param remedy  what to do about it: in words, and the options of it
 * @throws DataError if a weight became infinite or no number
 */
export function refuseNonFinite(
  before: Model,
  after: Model,
  remedy: { readonly says: string; readonly remedies?: readonly Remedy[] },
): void {
  const name = becameNonFinite(before, after);
  if (name !== null)
    throw new DataError(
      `Cannot hand out the model: an element of "${name}" became infinite or no number; ${remedy.says}`,
      {
        fields: { weight: name },
        ...(remedy.remedies && { remedies: remedy.remedies }),
      },
    );
}

function allFinite(values: Float32Array | Float64Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0; // NaN from the first that is not finite
  return sum === 0;
}

/** Null for constants that are not floats. */
function floatsOf(constant: Constant): Float32Array | Float64Array | null {
  switch (constant.type) {
    case 'float32':
    case 'float64':
      return tensorOf(constant).data as Float32Array | Float64Array;
    case 'float16':
    case 'bfloat16':
      return tensorOf(widenConstant(constant)).data as Float32Array;
    default:
      return null;
  }
}
