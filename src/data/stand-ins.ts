import type { Dimension, ValueInfo } from '../ir/model.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { castTo, isInputType, valuesFor } from './cast.ts';

/** What an input can be filled with where the data does not have it: its meaning says it. */
export type StandIn = 'ones' | 'zeros' | 'counting';

/** Names of inputs whose meaning is known, without what exporters put around them. */
const KNOWN: readonly (readonly [RegExp, StandIn])[] = [
  [/^(encoder|decoder)?(attention|input|token|pixel|valid)masks?(ids)?$/, 'ones'],
  [/^(src|tgt|source|target|memory)?keypaddingmask$/, 'zeros'], // true = left out
  [/^((input|token)?types?(ids)?|segments?(ids)?)$/, 'zeros'],
  [/^(decoder|encoder|input)?position(s|ids|sids)?$/, 'counting'],
];

/**
 * What stands in for an input by what its name says that it is: masks are all ones (nothing is masked), token types zeros,
 * positions count from 0 along the last axis. Null = its values mean something that only data can say.
 */
export function standIn({ name, type, shape }: ValueInfo): StandIn | null {
  const bare = name
    .replace(/:\d+$/, '')
    .replace(/^.*[/.]/, '')
    .replace(/[^A-Za-z0-9]/g, '')
    .toLowerCase();
  const known =
    KNOWN.find(([pattern]) => pattern.test(bare))?.[1] ?? (isTokenMask({ bare, type, shape }) ? 'ones' : null);
  if (type !== null && !isInputType(type)) return null;
  return known === 'counting' && type === 'bool' ? null : known;
}

/** A mask of no more said: one number for each token, not a picture's. */
function isTokenMask({ bare, type, shape }: { bare: string } & Pick<ValueInfo, 'type' | 'shape'>): boolean {
  return bare === 'mask' && type !== null && !type.startsWith('float') && (shape?.length ?? 2) <= 2;
}

/** An input to be filled, and what with. */
export interface Filling {
  readonly info: ValueInfo;
  readonly by: StandIn;
}

/** The inputs that are fed, as they are declared, and their tensors. */
export interface FedInputs {
  readonly infos: readonly ValueInfo[];
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * The tensor that stands in for an input. Open dimensions are those of the same name among the inputs that are fed; else those of the same axis
 * of one of as many axes; the first one is the number of rows where an input has rows.
 *
 * @param rows  samples in the batch where the input has a row for each; null = it is the same for all
 * @returns null where a dimension cannot be told
 */
export function filledInput({ info, by }: Filling, fed: FedInputs, rows: number | null): Tensor | null {
  const declared = info.shape ?? likeliest(fed)?.shape ?? null;
  if (declared === null) return null;
  const dims = declared.map((dim, axis) =>
    axis === 0 && rows !== null ? rows : sizeAt(dim, { axis, rank: declared.length, fed }),
  );
  if (!dims.every((dim): dim is number => dim !== null)) return null;
  const type = info.type ?? 'float32';
  const values = valuesFor(type, sizeOf(dims));
  const last = dims.at(-1) ?? 1;
  if (by === 'ones') values.fill(1);
  else if (by === 'counting') for (let i = 0; i < values.length; i++) values[i] = i % last;
  return castTo(type, values, dims);
}

/** An input of whole numbers, as tokens are; else the first. */
function likeliest({ infos }: FedInputs): ValueInfo | undefined {
  return infos.find(({ type }) => type?.startsWith('int') === true) ?? infos[0];
}

interface Place {
  readonly axis: number;
  readonly rank: number;
  readonly fed: FedInputs;
}

function sizeAt(dim: Dimension, { axis, rank, fed: { infos, tensors } }: Place): number | null {
  if (typeof dim === 'number' && dim >= 0) return dim;
  const ranked = [...infos].sort(
    (a, b) => Number(b.type?.startsWith('int') === true) - Number(a.type?.startsWith('int') === true),
  );
  for (const { name, shape } of ranked) {
    const at = typeof dim === 'string' ? (shape?.indexOf(dim) ?? -1) : -1;
    if (at >= 0) return tensors.get(name)?.dims[at] ?? null;
  }
  const same = ranked.find(({ name }) => tensors.get(name)?.dims.length === rank);
  return same === undefined ? null : (tensors.get(same.name)?.dims[axis] ?? null);
}
