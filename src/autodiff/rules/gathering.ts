import { intAttribute, stringAttribute } from '../../ir/access.ts';
import { int64, sizeOf } from '../../tensor/tensor.ts';
import type { Attributes, GradientRule, NodeForm, RuleContext } from '../rule.ts';

function axisAt({ node, shape }: NodeForm, fallback: number): number {
  const axis = intAttribute(node, 'axis', fallback);
  return axis < 0 ? axis + shape(0).length : axis;
}

/** Zeros of a shape with updates added along an axis, at places that may repeat. */
function addElements(
  at: RuleContext,
  { indices, updates, axis }: { indices: string; updates: string; axis: number },
): string {
  return at.emit('ScatterElements', at.zeros(at.shape(0)), indices, updates, { axis, reduction: 'add' });
}

/** Y = X[..., indices, ...] along an axis.   dX = zeros, dY added at the indices */
const gather: GradientRule = {
  op: 'Gather',
  since: [1, 11, 13],
  linearity: 'linear',
  backward: (at) => {
    const axis = axisAt(at, 0);
    const shape = at.shape(0);
    const index = at.numbers(1);
    const dy = at.dy[0] as string;
    if (index?.length === 1) return [placed(at, dy, { axis, index: index[0] as number }), null];
    const [before, size, after] = [sizeOf(shape.slice(0, axis)), shape[axis] as number, sizeOf(shape.slice(axis + 1))];
    const count = sizeOf(at.shape(1));
    const rows = at.transpose(at.reshape(dy, [before, count, after]), [1, 0, 2]);
    const indices = at.reshape(at.emit('Cast', at.x[1] as string, { to: 7 }), [count, 1]);
    const scattered = at.emit('ScatterND', at.zeros([size, before, after]), indices, rows, { reduction: 'add' });
    return [at.reshape(at.transpose(scattered, [1, 0, 2]), shape), null];
  },
};

/** dY put at one index of an axis, zeros around. */
function placed(at: RuleContext, dy: string, { axis, index }: { axis: number; index: number }): string {
  const shape = at.shape(0);
  const size = shape[axis] as number;
  const first = index < 0 ? index + size : index;
  const begins = shape.map((_, i) => (i === axis ? first : 0));
  const ends = shape.map((_, i) => (i === axis ? size - 1 - first : 0));
  return at.pad(
    at.reshape(
      dy,
      shape.map((d, i) => (i === axis ? 1 : d)),
    ),
    [...begins, ...ends],
  );
}

/** Y[i] = X[..., indices[i], ...], elementwise along an axis.   dX = zeros, dY added at the indices */
const gatherElements: GradientRule = {
  op: 'GatherElements',
  since: [11, 13],
  linearity: 'linear',
  backward: (at) => {
    // ScatterElements needs updates no longer than the data on the other axes, which GatherElements grants.
    return [addElements(at, { indices: at.x[1] as string, updates: at.dy[0] as string, axis: axisAt(at, 0) }), null];
  },
};

/** Y[i] = X[indices[i]], whole slices, the first batch_dims axes apart.   dX = zeros, dY added at the indices */
const gatherNd: GradientRule = {
  op: 'GatherND',
  since: [11, 12, 13],
  linearity: 'linear',
  backward: (at) => {
    const indices = withBatch(at, intAttribute(at.node, 'batch_dims', 0));
    return [at.emit('ScatterND', at.zeros(at.shape(0)), indices, at.dy[0] as string, { reduction: 'add' }), null];
  },
};

/** Indices that name the batch axes too: [...batch, ..., k] -> [...batch, ..., batch_dims + k] */
function withBatch(at: RuleContext, batchDims: number): string {
  if (batchDims === 0) return at.x[1] as string;
  const batch = at.shape(1).slice(0, batchDims);
  const front = at.shape(1).slice(0, -1);
  const inner = sizeOf(front.slice(batchDims));
  const names = Array.from({ length: sizeOf(batch) }, (_, i) => {
    let rest = i;
    const digits = [...batch]
      .reverse()
      .map((d) => {
        const digit = rest % d;
        rest = Math.floor(rest / d);
        return digit;
      })
      .reverse();
    return Array.from({ length: inner }, () => digits).flat();
  }).flat();
  return at.emit('Concat', at.constant(int64(names, [...front, batchDims])), at.x[1] as string, { axis: -1 });
}

/** What both scatter rules do it with. */
interface Scatter {
  readonly op: 'ScatterElements' | 'ScatterND';
  readonly taking: 'GatherElements' | 'GatherND';
}

/**
 * Y = X with the updates U at places P: in the place of X, or added to it, multiplied with it, or the least or largest of both.
 *   none  dX = dY, zero at P        dU = dY[P]            add  dX = dY    dU = dY[P]
 *   mul   dX = dY * prod of the U there                   dU = (dY Y)[P] / U: no update may be 0
 *   min, max  dX = dY / ties where X = Y                  dU = (dY / ties)[P] where U = Y[P]: those that tie share equally
 */
function scatterRule({ op, taking }: Scatter): GradientRule {
  const backward = (at: RuleContext): readonly (string | null)[] => {
    const [x, indices, updates] = at.x as [string, string, string];
    const [dy, y] = [at.dy[0] as string, at.y[0] as string];
    const { emit, needs, node } = at;
    const axis: Attributes = op === 'ScatterElements' ? { axis: intAttribute(node, 'axis', 0) } : {};
    const take = (value: string): string => emit(taking, value, indices, axis);
    const put = (into: string, value: string, reduction: string): string =>
      emit(op, into, indices, value, { ...axis, ...(reduction !== 'none' && { reduction }) });
    const reduction = stringAttribute(node, 'reduction', 'none');
    if (reduction === 'none')
      return [needs(0) ? put(dy, at.zeros(at.shape(2)), 'none') : null, null, needs(2) ? take(dy) : null];
    if (reduction === 'add') return [needs(0) ? dy : null, null, needs(2) ? take(dy) : null];
    if (reduction === 'mul') {
      const factors = (): string => put(at.expand(at.scalar(1), at.shape(0)), updates, 'mul');
      return [
        needs(0) ? emit('Mul', dy, factors()) : null,
        null,
        needs(2) ? emit('Div', take(emit('Mul', dy, y)), updates) : null,
      ];
    }
    const marked = (mask: string): string => emit('Where', mask, at.scalar(1), at.scalar(0));
    const [stays, comes] = [marked(emit('Equal', x, y)), marked(emit('Equal', updates, take(y)))];
    const share = emit('Div', dy, emit('Max', put(stays, comes, 'add'), at.scalar(1)));
    return [needs(0) ? emit('Mul', share, stays) : null, null, needs(2) ? emit('Mul', take(share), comes) : null];
  };
  return { op, since: [11, 13, 16, 18], linearity: 'piecewise', backward };
}

/** Y, indices = the k largest (or smallest) elements along an axis.   dX = zeros, dY at the indices */
const topK: GradientRule = {
  op: 'TopK',
  since: [10, 11],
  linearity: 'piecewise',
  backward: (at) => {
    const attrs = Object.fromEntries(at.node.attributes);
    const [, again] = at.y[1] ? at.y : at.emitAll('TopK', 2, at.x[0] as string, at.x[1] as string, attrs);
    return [addElements(at, { indices: again as string, updates: at.dy[0] as string, axis: axisAt(at, -1) }), null];
  },
};

/** Rules of operators that pick elements by index. */
export const gathering: readonly GradientRule[] = [
  gather,
  gatherElements,
  gatherNd,
  scatterRule({ op: 'ScatterElements', taking: 'GatherElements' }),
  scatterRule({ op: 'ScatterND', taking: 'GatherND' }),
  topK,
];
