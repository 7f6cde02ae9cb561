import type { GraphBuilder } from '../graph/builder.ts';
import type { Captured } from '../graph/captured.ts';
import { formOf, shapeOf } from '../graph/node-form.ts';
import { type Vocabulary, vocabulary } from '../graph/vocabulary.ts';
import type { Constant, Node } from '../ir/model.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { RuleContext } from './rule.ts';

/** What the contexts of one graph share. */
export interface Surroundings {
  readonly builder: GraphBuilder;
  readonly captured: Captured;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly opset: number;
  readonly type: 'float32' | 'float64';
  readonly block: number;
}

/** The context of one node. `dy` may lack cotangents; they become zeros when read. */
export function ruleContext(
  at: Surroundings,
  node: Node,
  dy: readonly (string | undefined)[],
  needs: (input: number) => boolean,
): RuleContext {
  const words = vocabulary(at);
  const form = formOf(at, node);
  return {
    ...words,
    ...form,
    opset: at.opset,
    block: at.block,
    hasDy: (output) => dy[output] !== undefined,
    dy: lazily(dy, (output) => words.zeros(form.outShape(output))),
    needs,
    unbroadcast: (v, input, from = form.outShape(0)) => unbroadcast(words, v, from, form.shape(input)),
  };
}

/** Entries that are missing are made when they are first read, once. */
function lazily(values: readonly (string | undefined)[], make: (index: number) => string): readonly string[] {
  const filled = [...values] as (string | undefined)[];
  return new Proxy(filled as string[], {
    get: (target, key) => {
      const index = typeof key === 'string' && /^\d+$/.test(key) ? Number(key) : -1;
      if (index >= 0 && index < target.length && target[index] === undefined) target[index] = make(index);
      return Reflect.get(target, key);
    },
  });
}

function unbroadcast(words: Vocabulary, value: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length;
  const axes = from.flatMap((d, axis) => (axis < lead || (to[axis - lead] === 1 && d !== 1) ? [axis] : []));
  if (axes.length === 0) return value;
  const summed = words.sum(value, axes, true);
  return lead > 0 ? words.reshape(summed, to) : summed;
}

/** What rules are written with; re-exported for them. */
export { formOf, shapeOf, sizeOf, type Vocabulary, vocabulary };
