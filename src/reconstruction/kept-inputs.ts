/** Positions that a layer is solved on at least, where there are as many, for each weight of an output. */
const POSITIONS_AN_INPUT = 100;
/** Fewer inputs than this share of the weights of an output are kept themselves, not their second moments. */
const FEW_INPUTS = 0.5;

/**
 * How a map is looked at. Every so manyth position of a sample is enough: neighbours say much the same. Prime to the width of a picture as a
 * rule, being odd.
 *
 * @param inputs     weights of an output
 * @param positions  of one sample
 */
export function measuredShape({
  inputs,
  positions,
  samples,
}: {
  readonly inputs: number;
  readonly positions: number;
  readonly samples: number;
}): { readonly step: number; readonly keeps: boolean } {
  const thin = Math.floor((samples * positions) / (POSITIONS_AN_INPUT * inputs));
  const step = Math.max(1, Math.min(positions, thin - (1 - (thin % 2))));
  return { step, keeps: (samples * positions) / step < FEW_INPUTS * inputs };
}
