import { away, between, type GradientCase, shapes } from '../../../test/gradient-check.ts';
import { float32, int64 } from '../../tensor/tensor.ts';

const dims = [4, 7];
const positive = { dims, draw: between(0.5, 3) };
const narrow = { dims, draw: between(-0.8, 0.8) };

/** Elementary functions, within the intervals on which they are smooth; powers: exponent constant, integer, or variable. */
export const elementaryCases: readonly GradientCase[] = [
  ...['Exp', 'Sin', 'Cos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Neg'].map((op) => ({ op, inputs: shapes('4x7') })),
  ...['Log', 'Sqrt', 'Reciprocal'].map((op) => ({ op, inputs: [positive] })),
  ...['Asin', 'Acos', 'Atanh', 'Tan'].map((op) => ({ op, inputs: [narrow] })),
  { op: 'Acosh', inputs: [{ dims, draw: between(1.5, 4) }] },
  { op: 'Abs', inputs: [{ dims, draw: away([0]) }] },
  ...[0, 0.5, 1, 2, 3, -1, -1.5, 2.7].map((e) => ({ op: 'Pow', inputs: [positive, float32([e], [])] })),
  { op: 'Pow', inputs: [dims, float32([3], [])] },
  { op: 'Pow', inputs: [dims, int64([2], [])] },
  { op: 'Pow', inputs: [positive, float32([0, 1, 2, 3, 0.5, -1, 1.5], [7])] },
  { op: 'Pow', inputs: [positive, dims] },
  { op: 'Pow', inputs: [{ dims: [7], draw: between(0.5, 3) }, [3, 1]] },
];
