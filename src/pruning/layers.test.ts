import { describe, expect, it } from 'vitest';
import { OptionError } from '../errors/errors.ts';
import { parseModelText } from '../onnx/text.ts';
import { chooseLayers } from './layers.ts';

const MODEL = parseModelText(`
  input x: float32[N, 4]
  const block.0.weight: float32[4, 4] = random(1)
  const "block.1.weight": float32[4, 4] = random(2)
  const "head(a+b)": float32[4, 2] = random(3)
  const table: float32[8, 4] = random(4)
  const ids: int64[1] = [0]
  a = MatMul(x, block.0.weight) @"/block/0"
  b = MatMul(a, "block.1.weight") @"/block/1"
  g = Gather(table, ids)
  s = Add(b, g)
  y = MatMul(s, "head(a+b)") @"/head"
  output y
`);
const names = (choice: Parameters<typeof chooseLayers>[1]): string[] =>
  chooseLayers(MODEL, choice).layers.map((layer) => layer.name);
const ALL = ['block.0.weight', 'block.1.weight', 'head(a+b)'];

describe('chooseLayers', () => {
  it('takes every prunable layer unless told otherwise', () => {
    expect(names({})).toEqual(ALL);
    expect(names({ layers: [], exclude: [] })).toEqual(ALL);
  });

  it('matches weights and nodes by globs, in which all else stands for itself', () => {
    expect(names({ layers: ['block.*'] })).toEqual(ALL.slice(0, 2));
    expect(names({ layers: ['/block/*'] })).toEqual(ALL.slice(0, 2));
    expect(names({ layers: ['block.?.weight'] })).toEqual(ALL.slice(0, 2));
    expect(names({ layers: ['head(a+b)'] })).toEqual(ALL.slice(2));
    expect(() => names({ layers: ['blockX0Xweight'] })).toThrow(OptionError);
    expect(() => names({ layers: ['block'] })).toThrow(OptionError);
  });

  it('lets exclusion win, and keeps the order of the graph', () => {
    expect(names({ layers: ['/head', '*0*'], exclude: ['block.0.*'] })).toEqual(['head(a+b)']);
    expect(names({ layers: ['/head', '*0*'] })).toEqual(['block.0.weight', 'head(a+b)']);
  });

  it('says of every layer that is left alone why', () => {
    const { untouched } = chooseLayers(MODEL, { exclude: ['/head'] });
    expect(untouched.map(({ name, reason }) => [name, reason])).toEqual([
      ['head(a+b)', 'left out by the choice of layers'],
      ['table', expect.stringMatching(/Gather/)],
    ]);
  });

  it('refuses a glob that matches nothing, naming the layers that there are', () => {
    expect(() => names({ exclude: ['downsample*'] })).toThrow(
      /layers by "downsample\*".*\/block\/0, \/block\/1, \/head/,
    );
  });

  it('refuses to prune nothing', () => {
    expect(() => names({ exclude: ['*'] })).toThrow(/every prunable layer is left out/);
    const bare = parseModelText('input x: float32[N, 4] y = Relu(x) output y');
    expect(() => chooseLayers(bare, {})).toThrow(/the model has no prunable weight/);
  });
});
