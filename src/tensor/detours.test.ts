import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Where what is mapped is never large, and why. */
const SMALL: Readonly<Record<string, string>> = {
  'src/onnx/text-constants.ts': 'numbers that somebody typed',
  'src/onnx/decode-tensor.ts': 'the decoder of protobuf has made plain arrays of them already',
  'src/graph/moves.ts': 'axes, shapes and the like',
  'src/graph/node-form.ts': 'axes, shapes and the like',
  'src/graph/operators/axes.ts': 'axes, shapes and the like',
  'src/graph/blocked/blocked-graph.ts': 'axes, shapes and the like',
  'src/graph/passes/fold-branches.ts': 'axes, shapes and the like',
  'src/graph/passes/lift/known-values.ts': 'axes, shapes and the like',
  'src/graph/passes/lift/experimental.ts': 'axes, shapes and the like',
  'src/report/png.ts': 'letters and colours',
  'src/report/graph/coordinates.ts': 'nodes that are drawn',
  'src/pipeline/details/thumbnail.ts': 'pixels of a thumbnail',
  'src/outputs/verdict.ts': 'classes and positions of one sample',
  'src/data/image-folder.ts': 'files of a folder',
  'src/data/array-source.ts': 'rows of a batch',
  'src/data/cifar.ts': 'rows of a batch',
  'src/data/given-rows.ts': 'rows of a batch',
  'src/solvers/chita/swaps.ts': 'a share of the support',
  'src/reconstruction/layer-problem.ts': 'one layer',
};

/** What stands between the parenthesis that opens at an index and the one that closes it, cut at its own commas. */
function argumentsAt(text: string, open: number): string[] {
  const found = [''];
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const letter = text[i] as string;
    if ('([{'.includes(letter)) depth++;
    if (')]}'.includes(letter)) depth--;
    if (depth === 0) return found;
    if (letter === ',' && depth === 1) found.push('');
    else if (i > open) found[found.length - 1] += letter;
  }
  return found;
}

/** Calls of `XArray.from(values, f)`: the runtime makes a plain array of the values first, which ends the process above 2^27. */
function detours(text: string): string[] {
  return [...text.matchAll(/Array\.from\(/g)].flatMap(({ index, 0: call }) => {
    const [values = '', ...rest] = argumentsAt(text, index + call.length - 1).map((part) => part.trim());
    const maps = rest.some((part) => part !== '') && !values.startsWith('{');
    return maps ? [`${call}${values}, ${rest.join()})`] : [];
  });
}

describe('sources', () => {
  it('map typed arrays without a plain array on the way (see filled)', () => {
    const found = (readdirSync('src', { recursive: true }) as string[])
      .map((path) => `src/${path.replaceAll('\\', '/')}`)
      .filter((path) => path.endsWith('.ts') && !/\.(test|cases)\.ts$/.test(path) && !(path in SMALL))
      .flatMap((path) => detours(readFileSync(path, 'utf8')).map((call) => `${path}: ${call}`));
    expect(found).toEqual([]);
  });

  it('are seen through', () => {
    expect(detours('a = Uint8Array.from(w, (x) => f(x, 1)); b = Uint8Array.from({ length: 3 }, f);')).toHaveLength(1);
    expect(detours('a = Float32Array.from(w.map((x) => [x, 1]));')).toEqual([]);
  });
});
