import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { modelBytes, openDataset, prune, readModel, run, sparsity, writeModel } from '../src/index.ts';
import { METHOD_NAMES, METHODS } from '../src/methods/list.ts';
import { cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
afterAll(() => folder.remove());
const model = folder.model('small.onnx', SMALL);
const data = folder.data('rows', { rows: 60 });
const quick = ['--no-latency', '--quiet'];

/** The options that make a method quick on a small network. */
function settings(method: (typeof METHOD_NAMES)[number]): {
  samples?: number;
  batch?: number;
  stages?: number;
  gradients?: number;
} {
  if (method === 'auto') return { gradients: 640 };
  return METHODS[method].needs.gradients ? { samples: 20, batch: 2, stages: 2 } : {};
}

describe('a recipe', () => {
  it.each(METHOD_NAMES)('of %s gives the bytes of its command line, and of the library', async (method) => {
    const own = settings(method);
    const flags = Object.entries(own).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const asked = ['prune', model, '--data', data, '--eval', data, '--method', method, '--sparsity', '0.5', ...flags];
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => folder.at(`${name}.onnx`)) as [
      string,
      string,
      string,
      string,
    ];
    const report = folder.at('report');
    expect(await cli([...asked, ...quick, '-o', a, '--report', report])).toMatchObject({ code: 0 });
    const printed = await cli([...asked, '--print-recipe']);
    expect(printed.code).toBe(0);
    const recipe = folder.write('recipe.json', printed.out);
    expect(await cli(['run', recipe, model, ...quick, '-o', b])).toMatchObject({ code: 0 });
    expect(readFileSync(b).equals(readFileSync(a))).toBe(true);
    expect(await cli(['run', `${report}/report.json`, model, ...quick, '-o', c])).toMatchObject({ code: 0 });
    expect(readFileSync(c).equals(readFileSync(a))).toBe(true);
    const ran = await run(`${report}/report.json`, model);
    expect(Buffer.compare(await modelBytes(ran.model), readFileSync(a))).toBe(0);
    const rows = await openDataset(data);
    const done = await prune(await readModel(model), {
      data: rows,
      evaluation: rows,
      method,
      budget: sparsity(0.5),
      ...own,
    });
    await writeModel(d, done.model);
    expect(readFileSync(d).equals(readFileSync(a))).toBe(true);
    const told = JSON.parse(readFileSync(`${report}/report.json`, 'utf8'));
    for (const name of [
      'accuracy',
      'loss',
      'nonzeros',
      'objective',
      'layers',
      'stages',
      'predicted',
      'status',
    ] as const)
      expect(withoutTimes(done.report[name])).toEqual(withoutTimes(told[name]));
    for (const [name, value] of Object.entries(done.report.asked.options))
      expect(told.asked.options[name]).toEqual(value);
  });

  it('applies its steps in order, and reports each', async () => {
    const recipe = folder.write(
      'steps.json',
      JSON.stringify({
        schema: 'coppice/recipe@1',
        data,
        eval: data,
        steps: [
          { do: 'prune', method: 'magnitude', budget: { sparsity: 0.5 } },
          { do: 'finetune', epochs: 2, rate: 0.05, batch: 10 },
        ],
      }),
    );
    const { code, out } = await cli([
      'run',
      recipe,
      model,
      ...quick,
      '--no-checkpoint',
      '--json',
      '-o',
      folder.at('steps.onnx'),
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(out);
    expect(report.finetuned).toMatchObject({ epochs: 2 });
    expect(report.finetuned.loss).toBeLessThan(report.loss.after);
    expect(report.nonzeros).toBe(28);
    expect(report.recipe.steps).toHaveLength(2);
    const ran = await run(JSON.parse(readFileSync(recipe, 'utf8')), model);
    expect(Buffer.compare(await modelBytes(ran.model), readFileSync(folder.at('steps.onnx')))).toBe(0);
    expect(ran.steps.map((step) => step.do)).toEqual(['prune', 'finetune']);
    expect(ran.report?.finetuned).toEqual(report.finetuned);
  });

  it('runs in the library on rows of its own, made-up ones too, and without a report where nothing is pruned', async () => {
    const steps = [
      { do: 'prune' as const, method: 'chita' as const, budget: { sparsity: 0.5 }, options: { samples: 8 } },
    ];
    const made = folder.write('made.json', JSON.stringify({ schema: 'coppice/recipe@1', data: 'random:8', steps }));
    const output = folder.at('made.onnx');
    expect(await cli(['run', made, model, ...quick, '-o', output])).toMatchObject({ code: 0 });
    expect(Buffer.compare(await modelBytes((await run(made, model)).model), readFileSync(output))).toBe(0);
    const train = {
      schema: 'coppice/recipe@1' as const,
      preprocess: {},
      steps: [{ do: 'finetune' as const, epochs: 1 }],
    };
    const trained = await run(train, model, { data, evaluation: data });
    expect(trained.report).toBeNull();
    expect(trained.evaluations.after?.count).toBe(60);
  });

  it('that is none is refused in the library too', async () => {
    await expect(run({ steps: [] } as never, model)).rejects.toThrow(/Cannot use the recipe, at schema/);
    await expect(run('nowhere.json', model)).rejects.toThrow(/Cannot read the recipe "nowhere.json"/);
    await expect(run(7 as never, model)).rejects.toThrow(/wanted a recipe/);
    const train = { schema: 'coppice/recipe@1' as const, preprocess: {}, steps: [{ do: 'recalibrate' as const }] };
    await expect(run(train, model)).rejects.toThrow(/without data/);
  });

  it('is refused by the place that is wrong', async () => {
    const steps = [{ do: 'prune', budget: { sparsity: 0.5 }, options: { lambda: -1 } }];
    const recipe = folder.write('wrong.json', JSON.stringify({ schema: 'coppice/recipe@1', steps }));
    const { code, err } = await cli(['run', recipe, model, ...quick]);
    expect(code).toBe(2);
    expect(err).toBe('coppice: Cannot use the recipe, at steps.0.options.lambda: wanted a number above 0, or auto\n');
    const unknown = folder.write(
      'unknown.json',
      JSON.stringify({ schema: 'coppice/recipe@1', steps: [{ do: 'prine' }] }),
    );
    expect((await cli(['run', unknown, model])).err).toMatch(/^coppice: Cannot use the recipe, at steps\.0/);
  });
});

/** Figures without what a clock says. */
function withoutTimes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, one) => (key === 'seconds' ? undefined : one)) ?? 'null');
}
