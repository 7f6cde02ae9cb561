import { intAttribute, stringAttribute } from '../../../ir/access.ts';
import { int64 } from '../../../tensor/tensor.ts';
import { hasOutput, type Lowering, type LoweringContext } from './lowering.ts';

const INT64 = 7;

/** -sum of weight[target] * logp[target], or their mean weighted, or each; positions of the ignored class count nothing. */
function likelihood(at: LoweringContext, logp: string): string {
  const [N, C, ...rest] = at.shape(0) as [number, number, ...number[]];
  const ignored = at.node.attributes.has('ignore_index') ? intAttribute(at.node, 'ignore_index', 0) : undefined;
  const target = at.emit('Cast', at.x[1] as string, { to: INT64 });
  const counted =
    ignored === undefined ? undefined : at.emit('Not', at.emit('Equal', target, at.constant(int64([ignored], []))));
  const zero = at.constant(int64([0], []));
  const known = counted === undefined ? target : at.emit('Where', counted, target, zero);
  const places = at.reshape(known, [N, 1, ...rest]);
  const picked = at.reshape(at.emit('GatherElements', logp, places, { axis: 1 }), [N, ...rest]);
  const weights = at.x[2] ? at.emit('Gather', at.reshape(at.x[2], [C]), known, { axis: 0 }) : undefined;
  const shares = counted === undefined ? weights : at.emit('Where', counted, weights ?? at.scalar(1), at.scalar(0));
  const losses = at.emit('Neg', shares === undefined ? picked : at.emit('Mul', picked, shares));
  const reduction = stringAttribute(at.node, 'reduction', 'mean');
  if (reduction === 'none') return losses;
  const axes = [...Array(1 + rest.length).keys()];
  const total = at.sum(losses, axes);
  if (reduction === 'sum') return total;
  const count = shares === undefined ? at.scalar([N, ...rest].reduce((a, b) => a * b, 1)) : at.sum(shares, axes);
  return at.emit('Div', total, count);
}

/** Y = -sum_n w[t_n] X[n, t_n], or its mean */
const negativeLogLikelihood: Lowering = {
  op: 'NegativeLogLikelihoodLoss',
  since: [12, 13, 22],
  linearity: 'linear',
  lower: (at) => [likelihood(at, at.x[0] as string)],
};

/** The same of log softmax(X), which is the second output */
const softmaxCrossEntropy: Lowering = {
  op: 'SoftmaxCrossEntropyLoss',
  since: [12, 13],
  linearity: 'smooth',
  lower: (at) => {
    const logp = at.emit('LogSoftmax', at.x[0] as string, { axis: 1 });
    return [likelihood(at, logp), hasOutput(at, 1) ? logp : ''];
  },
};

/** Losses that are part of a graph. */
export const losses: readonly Lowering[] = [negativeLogLikelihood, softmaxCrossEntropy];
