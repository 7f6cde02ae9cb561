import { floatAttribute, intAttribute, intsAttribute } from '../../../ir/access.ts';
import type { NodeForm } from '../../node-form.ts';
import { hasOutput, type Lowering, type LoweringContext, MICROSOFT, times } from './lowering.ts';

/** Queries, keys and values, [B, heads, length, size] each. */
interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  /** Samples, heads, queries, keys, sizes of a key and of a value. */
  readonly sizes: {
    readonly B: number;
    readonly H: number;
    readonly S: number;
    readonly L: number;
    readonly D: number;
    readonly E: number;
  };
}

/** What is done to the scores before the softmax. */
interface Scores {
  readonly scale: number;
  readonly softcap?: number;
  /** Keys before the first query, where a query sees only keys up to its own place; undefined = it sees all. */
  readonly causalFrom?: number;
  /** Added to the scores, each. */
  readonly masks: readonly string[];
}

/** Y = softmax(scale Q K' + masks) V, [B, heads, queries, size] */
function attend(
  at: LoweringContext,
  { q, k, v, sizes }: Heads,
  { scale, softcap = 0, causalFrom, masks }: Scores,
): string {
  const { S, L } = sizes;
  let scores = at.emit('MatMul', times(at, q, scale), at.transpose(k, [0, 1, 3, 2]));
  if (softcap !== 0) scores = times(at, at.emit('Tanh', times(at, scores, 1 / softcap)), softcap);
  for (const mask of masks) scores = at.emit('Add', scores, mask);
  if (causalFrom !== undefined) {
    const seen = Array.from({ length: S * L }, (_, i) => (i % L <= Math.floor(i / L) + causalFrom ? 0 : -Infinity));
    scores = at.emit('Add', scores, at.floats(seen, [S, L]));
  }
  return at.emit('MatMul', at.emit('Softmax', scores, { axis: -1 }), v);
}

/** [B, length, heads * size] -> [B, heads, length, size] */
function split(
  at: LoweringContext,
  value: string,
  [B, length, heads, size]: readonly [number, number, number, number],
): string {
  return at.transpose(at.reshape(value, [B, length, heads, size]), [0, 2, 1, 3]);
}

/** [B, heads, length, size] -> [B, length, heads * size] */
function merge(at: LoweringContext, value: string, { B, H, S, E }: Heads['sizes']): string {
  return at.reshape(at.transpose(value, [0, 2, 1, 3]), [B, S, H * E]);
}

/** Each of a number of heads, several times in a row. */
function repeatHeads(
  at: LoweringContext,
  value: string,
  dims: readonly [number, number, number, number],
  times: number,
): string {
  if (times === 1) return value;
  const [B, heads, length, size] = dims;
  const apart = at.expand(at.reshape(value, [B, heads, 1, length, size]), [B, heads, times, length, size]);
  return at.reshape(apart, [B, heads * times, length, size]);
}

/** A mask as what is added: itself, or 0 where it is true and a low number elsewhere. */
function additive(at: LoweringContext, input: number, low: number): string {
  const mask = at.x[input] as string;
  if (at.typeOf(mask) !== 'bool') return mask;
  return at.emit('Where', mask, at.scalar(0), at.scalar(low));
}

/** The attention of ai.onnx: shared key heads, past keys, masks, a bound of the scores. */
const attention: Lowering = {
  op: 'Attention',
  since: [23, 24],
  linearity: 'smooth',
  refuses: (form) => {
    if (hasOutput(form, 3)) return 'its output qk_matmul_output must not be read';
    if (form.x[6]) return 'it must have no nonpad_kv_seqlen';
    const [mask, keys] = [form.x[3] ? form.shape(3).at(-1) : undefined, lengthsOf(form).L];
    return mask === undefined || mask === keys || mask === 1
      ? undefined
      : `its mask must have one column for each of ${keys} keys, current number is ${mask}`;
  },
  lower: (at) => {
    const { sizes, kv, past, flat } = lengthsOf(at);
    const { B, H, S, L, D, E } = sizes;
    const own = L - past;
    const [q, k, v] = flat
      ? [
          split(at, at.x[0] as string, [B, S, H, D]),
          split(at, at.x[1] as string, [B, own, kv, D]),
          split(at, at.x[2] as string, [B, own, kv, E]),
        ]
      : (at.x as [string, string, string]);
    const key = at.x[4] ? at.emit('Concat', at.x[4], k as string, { axis: 2 }) : (k as string);
    const value = at.x[5] ? at.emit('Concat', at.x[5], v as string, { axis: 2 }) : (v as string);
    const heads = {
      q: q as string,
      k: repeatHeads(at, key, [B, kv, L, D], H / kv),
      v: repeatHeads(at, value, [B, kv, L, E], H / kv),
      sizes,
    };
    const y = attend(at, heads, {
      scale: floatAttribute(at.node, 'scale', 0) || 1 / Math.sqrt(D),
      softcap: floatAttribute(at.node, 'softcap', 0),
      masks: at.x[3] ? [additive(at, 3, -Infinity)] : [],
      ...(intAttribute(at.node, 'is_causal', 0) !== 0 && { causalFrom: past }),
    });
    return [flat ? merge(at, y, sizes) : y, hasOutput(at, 1) ? key : '', hasOutput(at, 2) ? value : ''];
  },
};

interface Lengths {
  readonly sizes: Heads['sizes'];
  /** Heads of keys and values. */
  readonly kv: number;
  readonly past: number;
  readonly L: number;
  /** Heads lie side by side in the last axis. */
  readonly flat: boolean;
}

function lengthsOf({ node, shape, x }: NodeForm): Lengths {
  const [q, k, v] = [shape(0), shape(1), shape(2)] as [number[], number[], number[]];
  const flat = q.length === 3;
  const past = x[4] ? (shape(4)[2] as number) : 0;
  const H = flat ? intAttribute(node, 'q_num_heads', 1) : (q[1] as number);
  const kv = flat ? intAttribute(node, 'kv_num_heads', 1) : (k[1] as number);
  const L = past + (k.at(-2) as number);
  const [D, E] = flat ? [(q[2] as number) / H, (v[2] as number) / kv] : [q[3] as number, v[3] as number];
  return { sizes: { B: q[0] as number, H, S: q.at(-2) as number, L, D, E }, kv, past, L, flat };
}

/** 0 where an integer mask [B, keys] is not 0, a low number elsewhere: [B, 1, 1, keys] */
function paddingMask(at: LoweringContext, input: number): string {
  const low = floatAttribute(at.node, 'mask_filter_value', -10000);
  const keep = at.emit('Cast', at.x[input] as string, { to: 9 });
  const [B, ...rest] = at.shape(input) as [number, ...number[]];
  const added = at.emit('Where', keep, at.scalar(0), at.scalar(low));
  return at.reshape(added, [B, 1, ...(rest.length === 1 ? [1] : []), ...rest]);
}

function refusedInputs(form: NodeForm, wanted: Readonly<Record<number, string>>): string | undefined {
  const found = Object.entries(wanted).find(([input]) => form.x[Number(input)]);
  return found === undefined ? undefined : `it must have no ${found[1]}`;
}

/** onnxruntime's attention: the three products of one matrix [D, q + k + v], then attention. */
const fusedAttention: Lowering = {
  op: 'Attention',
  domain: MICROSOFT,
  since: [1],
  linearity: 'smooth',
  refuses: (form) => {
    const refused = refusedInputs(form, { 4: 'past', 6: 'past_sequence_length' });
    if (refused !== undefined) return refused;
    if (hasOutput(form, 1)) return 'its output present must not be read';
    if (intAttribute(form.node, 'do_rotary', 0) !== 0) return 'do_rotary must be 0, current value is 1';
    return !form.x[3] || [2, 3].includes(form.shape(3).length)
      ? undefined
      : `its mask must have 2 or 3 dimensions, current shape is [${form.shape(3)}]`;
  },
  lower: (at) => {
    const [B, S] = at.shape(0) as [number, number];
    const width = at.shape(1)[1] as number;
    const [dq, dk, dv] = intsAttribute(at.node, 'qkv_hidden_sizes') ?? new Array<number>(3).fill(width / 3);
    const H = intAttribute(at.node, 'num_heads', 1);
    const product = at.emit('MatMul', at.x[0] as string, at.x[1] as string);
    const biased = at.x[2] ? at.emit('Add', product, at.x[2]) : product;
    const lengths = [dq, dk, dv] as [number, number, number];
    const parts = at.emitAll('Split', 3, biased, at.ints(lengths), { axis: -1 });
    const [q, k, v] = parts.map((part, i) => split(at, part, [B, S, H, (lengths[i] as number) / H])) as [
      string,
      string,
      string,
    ];
    const sizes = { B, H, S, L: S, D: lengths[0] / H, E: lengths[2] / H };
    const y = attend(
      at,
      { q, k, v, sizes },
      {
        scale: floatAttribute(at.node, 'scale', 0) || 1 / Math.sqrt(sizes.D),
        masks: [...(at.x[3] ? [paddingMask(at, 3)] : []), ...(at.x[5] ? [at.x[5]] : [])],
        ...(intAttribute(at.node, 'unidirectional', 0) !== 0 && { causalFrom: 0 }),
      },
    );
    return [merge(at, y, sizes)];
  },
};

/** onnxruntime's attention of queries, keys and values that are computed already. */
const multiHead: Lowering = {
  op: 'MultiHeadAttention',
  domain: MICROSOFT,
  since: [1],
  linearity: 'smooth',
  refuses: (form) => {
    const refused = refusedInputs(form, {
      6: 'past_key',
      7: 'past_value',
      8: 'past_sequence_length',
      9: 'cache_indirection',
    });
    if (refused !== undefined) return refused;
    if ([1, 2, 3].some((output) => hasOutput(form, output))) return 'only its first output must be read';
    const ranks = [0, 1, 2].map((input) => (form.x[input] ? form.shape(input).length : 0));
    if (ranks.some((rank) => rank !== 3))
      return `query, key and value must have 3 dimensions each, current ranks are ${ranks.join(', ')}`;
    return !form.x[4] || form.shape(4).length === 2
      ? undefined
      : `key_padding_mask must have 2 dimensions, current shape is [${form.shape(4)}]`;
  },
  lower: (at) => {
    const [B, S, width] = at.shape(0) as [number, number, number];
    const [L, valueWidth] = [at.shape(1)[1] as number, at.shape(2)[2] as number];
    const H = intAttribute(at.node, 'num_heads', 1);
    const sizes = { B, H, S, L, D: width / H, E: valueWidth / H };
    const bias = at.x[3]
      ? at.emitAll('Split', 3, at.x[3], at.ints([width, width, valueWidth]), { axis: 0 })
      : undefined;
    const part = (i: number, length: number, size: number): string => {
      const value = at.x[i] as string;
      return split(at, bias === undefined ? value : at.emit('Add', value, bias[i] as string), [B, length, H, size]);
    };
    const heads = { q: part(0, S, sizes.D), k: part(1, L, sizes.D), v: part(2, L, sizes.E), sizes };
    const y = attend(at, heads, {
      scale: floatAttribute(at.node, 'scale', 0) || 1 / Math.sqrt(sizes.D),
      masks: [...(at.x[4] ? [paddingMask(at, 4)] : []), ...(at.x[5] ? [at.x[5]] : [])],
      ...(intAttribute(at.node, 'unidirectional', 0) !== 0 && { causalFrom: 0 }),
    });
    return [merge(at, y, sizes)];
  },
};

/** Where a rotary embedding finds its inputs. */
interface Rotary {
  readonly cos: string;
  readonly sin: string;
  /** Positions that pick rows of the tables; undefined = tables are for each position already. */
  readonly positions: string | undefined;
}

/** Pairs of a head's numbers are turned by angles that grow with the position: (a, b) -> (a cos - b sin, b cos + a sin). */
function rotary(domain: string | undefined, since: readonly number[], inputs: (at: NodeForm) => Rotary): Lowering {
  return {
    op: 'RotaryEmbedding',
    ...(domain !== undefined && { domain }),
    since,
    linearity: 'smooth',
    refuses: (form) => {
      if (intAttribute(form.node, 'is_packed_batching', 0) !== 0)
        return 'is_packed_batching must be 0, current value is 1';
      if (domain !== undefined && form.shape(1).length !== 2) return 'position_ids must be [batch, length]';
      const scale = floatAttribute(form.node, 'scale', 1);
      return scale === 1 ? undefined : `scale must be 1, current value is ${scale}`;
    },
    lower: (at) => {
      const { cos, sin, positions } = inputs(at);
      const dims = at.shape(0);
      const flat = dims.length === 3;
      const [B, S] = [dims[0] as number, dims[flat ? 1 : 2] as number];
      const stated = intAttribute(at.node, 'num_heads', 0);
      const half = at.shape(at.x.indexOf(cos)).at(-1) as number;
      const heads = flat ? stated || (dims[2] as number) / (2 * half) : (dims[1] as number);
      const size = flat ? (dims[2] as number) / heads : (dims[3] as number);
      const turned = intAttribute(at.node, 'rotary_embedding_dim', 0) || size;
      const table = (value: string): string =>
        at.reshape(positions === undefined ? value : at.emit('Gather', value, positions, { axis: 0 }), [
          B,
          1,
          S,
          turned / 2,
        ]);
      const x = flat ? split(at, at.x[0] as string, [B, S, heads, size]) : (at.x[0] as string);
      const [head, tail] =
        turned === size ? [x, ''] : at.emitAll('Split', 2, x, at.ints([turned, size - turned]), { axis: -1 });
      const y = turn(at, head as string, { cos: table(cos), sin: table(sin), dims: [B, heads, S, turned] });
      const whole = tail ? at.emit('Concat', y, tail, { axis: -1 }) : y;
      return [flat ? merge(at, whole, { B, H: heads, S, L: S, D: size, E: size }) : whole];
    },
  };
}

function turn(
  at: LoweringContext,
  x: string,
  { cos, sin, dims }: { cos: string; sin: string; dims: readonly [number, number, number, number] },
): string {
  const [B, heads, S, size] = dims;
  const interleaved = intAttribute(at.node, 'interleaved', 0) !== 0;
  const apart = interleaved ? [B, heads, S, size / 2, 2] : [B, heads, S, 2, size / 2];
  const axis = interleaved ? 4 : 3;
  const [a, b] = at
    .emitAll('Split', 2, at.reshape(x, apart), at.ints([1, 1]), { axis })
    .map((part) => at.reshape(part, [B, heads, S, size / 2])) as [string, string];
  const { emit } = at;
  const turned = [
    emit('Sub', emit('Mul', a, cos), emit('Mul', b, sin)),
    emit('Add', emit('Mul', b, cos), emit('Mul', a, sin)),
  ].map((part) =>
    at.reshape(
      part,
      apart.map((d, i) => (i === axis ? 1 : d)),
    ),
  );
  return at.reshape(emit('Concat', ...turned, { axis }), dims);
}

/** Attention in its several forms, and the turning of its queries and keys. */
export const attentions: readonly Lowering[] = [
  attention,
  fusedAttention,
  multiHead,
  rotary(undefined, [23], ({ x }) => ({ cos: x[1] as string, sin: x[2] as string, positions: x[3] || undefined })),
  rotary(MICROSOFT, [1], ({ x }) => ({ cos: x[2] as string, sin: x[3] as string, positions: x[1] as string })),
];
