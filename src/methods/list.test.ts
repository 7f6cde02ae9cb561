import { describe, expect, it } from 'vitest';
import { sparsity } from '../budget/budget.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { OptionError } from '../errors/errors.ts';
import { factsOf, METHOD_OPTIONS } from '../pruning/method-options.ts';
import { solver } from '../solvers/solver.ts';
import { woodfisher } from '../solvers/woodfisher/woodfisher.ts';
import { METHODS, type Method, methodOf, takesCompute, usualMethod } from './list.ts';
import { type PruneOptions, resolvePrune } from './prune-options.ts';

const NAMES = Object.keys(METHODS) as Method[];
const resolve = (options: Partial<PruneOptions>) =>
  resolvePrune({ engine: onnxruntimeNode, budget: sparsity(0.5), ...options });

describe('methods', () => {
  it.each(NAMES)('%s is listed under its own name, and has defaults for all its options', (name) => {
    expect(METHODS[name].name).toBe(name);
    const options = Object.keys(METHODS[name].options.shape);
    expect(options.filter((option) => !(option in METHOD_OPTIONS))).toEqual([]);
    expect(Object.keys(METHODS[name].options.parse({}))).toEqual(options);
  });

  it.each(NAMES)('%s says of each option what it is and what it has to be', (name) => {
    for (const schema of Object.values(METHODS[name].options.shape))
      expect(factsOf(schema)).toMatchObject({ description: expect.any(String), wanted: expect.any(String) });
  });

  it('tell which trains, and which needs no data', () => {
    expect(NAMES.filter((name) => takesCompute(METHODS[name]))).toEqual(['auto']);
    expect(NAMES.filter((name) => !METHODS[name].needs.data)).toEqual(['magnitude']);
  });
});

describe('methodOf', () => {
  it('gives a solver the options of the method of its name, and a stranger those of chita', () => {
    expect(methodOf({ solver: woodfisher() })).toMatchObject({
      name: 'woodfisher',
      options: METHODS.woodfisher.options,
    });
    const stranger = solver<null>({
      name: 'constructor',
      needs: [],
      init: async () => null,
      step: async () => {},
      status: () => 'converged',
      current: () => new Float64Array(),
    });
    expect(methodOf({ solver: stranger })).toMatchObject({
      name: 'constructor',
      needs: { data: false, gradients: false },
      options: METHODS.chita.options,
    });
  });

  it('refuses a method that is not there, whatever it is called', () => {
    for (const method of ['chita+', 'toString', '__proto__']) {
      expect(() => methodOf({ method: method as Method })).toThrow(OptionError);
    }
  });
});

describe('usualMethod', () => {
  it('is auto where there is data and nothing else is said, chita where an option of its own is given', () => {
    expect(usualMethod({ source: {} })).toBe('auto');
    expect(usualMethod({})).toBe('chita');
    for (const hint of [{ lambda: 1e-3 }, { samples: 500 }, { swaps: 0 }, { labels: 'model' }])
      expect(usualMethod({ source: {}, ...hint })).toBe('chita');
    expect(methodOf({ source: {} }).name).toBe('auto');
    expect(methodOf({ source: {}, method: 'magnitude' }).name).toBe('magnitude');
  });
});

describe('resolvePrune', () => {
  it('fills in the defaults of the method', () => {
    expect(resolve({})).toMatchObject({
      method: 'chita',
      samples: 1000,
      batch: 1,
      lambda: 1e-3,
      firstOrder: 0,
      stages: 1,
    });
    expect(resolve({ method: 'chita++' })).toMatchObject({
      batch: 16,
      firstOrder: 1 / 16,
      stages: 20,
      schedule: 'poly',
      lineSearch: 0,
      recalibrateStages: false,
    });
    expect(resolve({ method: 'chita++', batch: 4 }).firstOrder).toBe(1 / 4);
    expect(resolve({ firstOrder: 'auto' }).firstOrder).toBe(1);
  });

  it('refuses settings that cannot be', () => {
    const wrong: Partial<PruneOptions>[] = [
      { lambda: 0 },
      { lambda: -1 },
      { lambda: Number.NaN },
      { samples: 0 },
      { batch: 1.5 },
      { stages: 0 },
      { block: -3 },
    ];
    for (const options of wrong) expect(() => resolve({ method: 'chita-block', ...options })).toThrow(OptionError);
    expect(() => resolve({ lambda: -1 })).toThrow('Cannot use lambda -1: wanted a number above 0, or auto');
    expect(() => resolve({ schedule: 'expo' as 'exp' })).toThrow(/Cannot use schedule "expo": wanted one of exp, poly/);
    expect(() => resolve({ minutes: 1 })).toThrow(/only "auto" takes a budget of compute/);
  });
});
