import { intsAttribute } from '../ir/access.ts';
import type { Node } from '../ir/model.ts';
import type { Vocabulary } from './context.ts';

/** A step back through an operator that only moves a parameter's elements, for cotangents with a leading row axis. */
export interface RowMove {
  readonly words: Vocabulary;
  readonly node: Node;
  /** [rows, ...shape of the output] */
  readonly dy: string;
  readonly rows: number;
  /** Shape of the parameter before the operator. */
  readonly shape: readonly number[];
}

const reshape = ({ words, dy, rows, shape }: RowMove): string => words.reshape(dy, [rows, ...shape]);

/** Operators between a parameter and its use that gradients for each sample can pass, by name. */
export const moveRows: ReadonlyMap<string, (move: RowMove) => string> = new Map([
  ['Identity', ({ dy }: RowMove) => dy],
  ['Reshape', reshape],
  ['Flatten', reshape],
  ['Squeeze', reshape],
  ['Unsqueeze', reshape],
  [
    'Transpose',
    ({ words, node, dy, shape }: RowMove) => {
      const perm = intsAttribute(node, 'perm') ?? shape.map((_, i) => shape.length - 1 - i);
      return words.transpose(dy, [0, ...perm.map((_, i) => perm.indexOf(i) + 1)]);
    },
  ],
]);
