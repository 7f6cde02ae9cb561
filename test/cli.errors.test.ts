import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from '../src/cli/exit-codes.ts';
import { EngineError, InfeasibleError, OutputError } from '../src/errors/errors.ts';
import { constantOf } from '../src/ir/access.ts';
import type { Model } from '../src/ir/model.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
const results = new Folder();
const path: Record<string, string> = {};
let there: string[] = [];

beforeAll(() => {
  path.model = folder.model('small.onnx', SMALL);
  path.truncated = folder.write('truncated.onnx', readFileSync(path.model).subarray(0, 200));
  path.empty = folder.write('empty.onnx', '');
  path.html = folder.write('page.onnx', '<!DOCTYPE html><html><body>Not found</body></html>');
  path.nan = folder.model('nan.onnx', SMALL, withNaN);
  path.noWeights = folder.model('bare.onnx', 'input x: float32[N,4] y = Relu(x) output y');
  path.unknownOp = folder.model('unknown.onnx', SMALL.replace('Relu(a)', 'com.example:Mystery(a)'));
  path.broken = folder.model('broken.onnx', SMALL.replace('Relu(a)', 'Relu(nothing)'));
  path.file = folder.write('file', 'a file, not a folder');
  path.data = folder.data('train');
  path.wide = folder.data('wide', { width: 5 });
  path.labels = folder.data('labels', { classes: 9 });
  there = readdirSync(folder.path);
});
afterAll(() => {
  folder.remove();
  results.remove();
});

function withNaN(model: Model): Model {
  const w1 = constantOf({ type: 'float32', dims: [4, 8], data: new Float32Array(32).fill(Number.NaN, 3, 4) });
  return { ...model, graph: { ...model.graph, constants: new Map([...model.graph.constants, ['w1', w1]]) } };
}

/** Words of a command line; $name stands for a path. */
function words(line: string): string[] {
  return line.split(' ').map((word) => word.replace(/\$(\w+)/g, (_, name: string) => path[name] ?? ''));
}

const HOSTILE: readonly [what: string, code: number, line: string, sentence: RegExp][] = [
  ['a truncated model', 3, 'prune $truncated --method magnitude --sparsity 0.5', /Cannot read/],
  ['an empty file', 3, 'prune $empty --method magnitude --sparsity 0.5', /the file is empty/],
  ['an HTML page named .onnx', 3, 'prune $html --method magnitude --sparsity 0.5', /HTML/],
  ['a model that is not there', 3, 'inspect /no/such/model.onnx', /there is no such file/],
  ['a graph that reads what nothing defines', 3, 'inspect $broken', /nothing defines/],
  ['NaN weights', 3, 'prune $nan --method magnitude --sparsity 0.5', /"w1": element \d+ is NaN/],
  ['a model without prunable weights', 3, 'prune $noWeights --method magnitude --sparsity 0.5', /no prunable weight/],
  ['an operator that cannot run', 3, 'prune $unknownOp --sparsity 0.5 --data $data --eval $data', /Mystery/],
  ['data of the wrong shape', 5, 'prune $model --sparsity 0.5 --data $wide', /wants samples of shape \[4\]/],
  ['evaluation data of the wrong shape', 5, 'eval $model --eval $wide', /wants samples of shape \[4\]/],
  [
    'labels out of range',
    5,
    'prune $model --method chita --sparsity 0.5 --data $labels',
    /row \d+ has label \d, wanted 0 to 2/,
  ],
  [
    'evaluation labels out of range',
    5,
    'eval $model --eval $labels',
    /row \d+ has label \d, wanted 0 to 2 .* \d+ of \d+ labels are outside/,
  ],
  ['a provider that is none', 2, 'eval $model --eval $data --provider tpu', /cpu, webgpu, cuda, auto/],
  ['data that is not there', 5, 'prune $model --sparsity 0.5 --data npz:/no/such.npz', /no\/such\.npz/],
  ['an address of no known kind', 5, 'eval $model --eval train.bin', /did you mean cifar10:train.bin/],
  ['a range without rows', 5, 'eval $model --eval $data[50:60]', /selects no rows/],
  ['fewer rows than asked for', 5, 'prune $model --sparsity 0.5 --data $data --samples 41', /the data has 40 samples/],
  ['made-up rows to evaluate on', 5, 'eval $model --eval random:8', /say nothing about a model/],
  ['sparsity 1.5', 2, 'prune $model --method magnitude --sparsity 1.5', /sparsity 1.5/],
  ['no sparsity', 2, 'prune $model', /give --sparsity/],
  ['a sparsity that is no number', 2, 'prune $model --sparsity half', /Wanted a number/],
  ['a method with a slip', 2, 'prune $model --method chitta --sparsity 0.5', /did you mean chita\?/],
  ['a flag with a slip', 2, 'prune $model --sparsty 0.5', /did you mean --sparsity\?/],
  ['a command with a slip', 2, 'prnue $model', /did you mean prune\?/],
  ['no model', 2, 'prune', /missing required argument 'model'/],
  ['gradients without data', 2, 'prune $model --sparsity 0.5', /give --data/],
  ['a layer that is not there', 2, 'prune $model --method magnitude --sparsity 0.5 --layers conv*', /"conv\*"/],
  [
    'no layer left',
    2,
    'prune $model --method magnitude --sparsity 0.5 --exclude *',
    /every prunable layer is left out/,
  ],
  ['lambda 0', 2, 'prune $model --sparsity 0.5 --data $data --lambda 0', /lambda 0/],
  ['a scale that is no number', 2, 'prune $model --sparsity 0.5 --data $data --scale x', /scale/],
  ['a gate without evaluation', 2, 'prune $model --method magnitude --sparsity 0.5 --min-accuracy 0.9', /give --eval/],
  ['recalibration without data', 2, 'prune $model --method magnitude --sparsity 0.5 --recalibrate', /give --data/],
  [
    'a report in a folder that is a file',
    2,
    'prune $model --method magnitude --sparsity 0.5 --report $file/sub',
    /is not a folder/,
  ],
  [
    'an output in a folder that is not there',
    2,
    'prune $model --method magnitude --sparsity 0.5 -o /no/such/folder/a.onnx',
    /there is no folder/,
  ],
  [
    'an output that is the model',
    2,
    'prune $model --method magnitude --sparsity 0.5 -o $model',
    /it is the model itself/,
  ],
  ['a sweep without evaluation', 2, 'sweep $model --methods magnitude --sparsity 0.5', /give --eval/],
  ['a sweep range without end', 2, 'sweep $model --methods magnitude --sparsity 0.5..0.1:0.1', /from\.\.to:step/],
  ['a config file that is not there', 2, 'prune $model --config /no/such.json', /Cannot read the config file/],
];

describe('bad input', () => {
  it.each(HOSTILE)('%s ends with %i and one sentence, nothing written', async (_, code, line, sentence) => {
    const argv = words(line);
    const needsOutput = argv[0] === 'prune' && !argv.includes('-o');
    const result = await cli([
      ...argv,
      ...(needsOutput ? ['-o', results.at('out.onnx')] : []),
      ...(argv.length > 1 ? ['-q'] : []),
    ]);
    expect(result).toMatchObject({ code, out: '' });
    expect(result.err).toMatch(/^coppice: [^\n]+\n$/);
    expect(result.err).toMatch(sentence);
    expect(readdirSync(results.path)).toEqual([]);
    expect(readdirSync(folder.path)).toEqual(there);
  });

  it('has code 2 and the help for no command at all', async () => {
    const { code, out, err } = await cli([]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Usage: coppice');
  });

  it.each([
    [new InfeasibleError('no'), 4],
    [new EngineError('no'), 3],
    [new OutputError('no'), 2],
    [new RangeError('Array buffer allocation failed'), 2],
    [new TypeError('x is not a function'), 70],
  ])('%s has its own code', (error, code) => {
    expect(failureOf(error, new AbortController().signal).code).toBe(code);
  });

  it('calls what nobody foresaw a bug, and shows where under -v', async () => {
    const broken = {
      ...process.env,
      get CI(): string {
        throw new TypeError('surprise');
      },
    };
    const quiet = await cli(['prune', path.model as string, '--sparsity', '0.5'], { env: broken, terminal: true });
    expect(quiet).toMatchObject({ code: 70 });
    expect(quiet.err).toMatch(/^coppice: this is a bug in Coppice, please report it \(-v shows where\): surprise\n$/);
    const loud = await cli(['prune', path.model as string, '--sparsity', '0.5', '-v'], { env: broken, terminal: true });
    expect(loud.err).toContain('TypeError: surprise\n    at ');
  });
});

describe('an interrupted run', () => {
  it('exits with 130 and leaves nothing behind', async () => {
    const controller = new AbortController();
    const argv = [
      'prune',
      path.model as string,
      '--method',
      'chita++',
      '--batch',
      '1',
      '--stages',
      '2000',
      '--schedule',
      'linear',
      '--sparsity',
      '0.5',
      '--data',
      path.data as string,
      '-o',
      results.at('out.onnx'),
    ];
    setTimeout(() => controller.abort(), 300);
    const { code, err } = await cli(argv, { signal: controller.signal });
    expect(code).toBe(130);
    expect(err).toContain('coppice: interrupted; nothing was left half-written\n');
    expect(readdirSync(results.path)).toEqual([]);
  });
});
