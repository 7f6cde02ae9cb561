import { describe, expect, it } from 'vitest';
import { sparsity } from '../budget/budget.ts';
import { onnxruntimeNode } from '../engine/onnxruntime.node.ts';
import { OptionError } from '../errors/errors.ts';
import { chita } from '../solvers/chita/back-solving.ts';
import { solver } from '../solvers/solver.ts';
import { entryOf, METHODS, type Method, usualMethod } from './methods.ts';
import { type PruneOptions, resolvePrune } from './prune-options.ts';

const NAMES = Object.keys(METHODS) as Method[];
const resolve = (options: Partial<PruneOptions>) =>
  resolvePrune({ engine: onnxruntimeNode, budget: sparsity(0.5), ...options });

describe('methods', () => {
  it.each(NAMES)('%s says truly whether it needs gradients', (name) => {
    const { needsGradients, solver: make } = METHODS[name];
    expect(make({ block: 4, swaps: 1 }).needs.length > 0).toBe(needsGradients);
  });

  it.each(NAMES.filter((name) => name !== 'chita++'))('%s is solved by a solver of its name', (name) => {
    expect(METHODS[name].solver({ block: 4 }).name).toBe(name);
  });
});

describe('entryOf', () => {
  it('gives a solver the defaults of the method of its name, and a stranger those of chita', () => {
    expect(entryOf({ solver: chita() })).toMatchObject({ name: 'chita', defaults: METHODS.chita.defaults });
    const stranger = solver<null>({
      name: 'constructor',
      needs: [],
      init: async () => null,
      step: async () => {},
      status: () => 'converged',
      current: () => new Float64Array(),
    });
    const entry = entryOf({ solver: stranger });
    expect(entry).toMatchObject({ name: 'constructor', needsGradients: false, defaults: METHODS.chita.defaults });
    expect(entry.solver({ block: 1 })).toBe(stranger);
  });

  it('refuses a method that is not there, whatever it is called', () => {
    for (const method of ['chita+', 'toString', '__proto__']) {
      expect(() => entryOf({ method: method as Method })).toThrow(OptionError);
    }
  });
});

describe('usualMethod', () => {
  it('is auto where there is data and nothing else is said, chita where an option of its own is given', () => {
    expect(usualMethod({ source: {} })).toBe('auto');
    expect(usualMethod({})).toBe('chita');
    for (const hint of [{ lambda: 1e-3 }, { samples: 500 }, { swaps: 0 }, { labels: 'model' }])
      expect(usualMethod({ source: {}, ...hint })).toBe('chita');
    expect(entryOf({ source: {} }).name).toBe('auto');
    expect(entryOf({ source: {}, method: 'magnitude' }).name).toBe('magnitude');
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
      stages: 15,
      schedule: 'exp',
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
    for (const options of wrong) expect(() => resolve(options)).toThrow(OptionError);
  });
});
