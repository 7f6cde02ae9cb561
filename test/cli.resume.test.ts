import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../src/checkpoint/checkpoint.node.ts';
import { externalHash, readModel, writeModel } from '../src/onnx/files.node.ts';
import { type CliResult, cli, Folder, SMALL } from './cli-harness.ts';

const folder = new Folder();
let [model, data] = ['', ''];
beforeAll(() => {
  model = folder.model('small.onnx', SMALL);
  data = folder.data('train', { rows: 80 });
});
afterAll(() => folder.remove());

const training = ['--epochs', '6', '--rate', '0.05', '--threads', '1', '--checkpoint-every', '0'];

/** Flags of a gradual run of three prunings. */
function gradual(output: string): string[] {
  return [
    ...['prune', model, '--data', data, '--eval', data, '--method', 'chita', '--samples', '40', '--sparsity', '0.8'],
    ...['--gradual', '--prunings', '3', '--train-batch', '16', '--no-latency', '-o', output, '--json', ...training],
  ];
}

/** Flags of a search for the smallest model, each run of it with training. */
function searching(output: string): string[] {
  const budget = ['--max-drop', '20%', '--method', 'magnitude', '--eval', data];
  return [
    ...['prune', model, '--data', data, ...budget, '--gradual', '--prunings', '2', '--train-batch', '16'],
    ...['--no-latency', '-o', output, '--json', ...training, '--epochs', '2'],
  ];
}

const AUTO = { do: 'prune', method: 'auto', options: { gradients: 2400, batch: 16 }, budget: { sparsity: 0.6 } };
const LAYERS = { do: 'prune', method: 'reconstruct', options: { samples: 60 }, budget: { sparsity: 0.6 } };
const TRAIN = { do: 'finetune', epochs: 6, rate: 0.05, batch: 16 };

/** Flags of a training with a teacher. */
function finetune(output: string): string[] {
  const source = folder.at('half.onnx');
  return [
    ...['finetune', source, '--data', data, '--eval', data, '--batch', '16', '--optimizer', 'adam', '--restarts', '1'],
    ...['--teacher', model, '--distill', '0.5', '-o', output, '--json', ...training],
  ];
}

/** Runs a command until it has said something so many times, and then stops it as Ctrl-C does. */
async function interrupted(argv: readonly string[], pattern: RegExp, times: number): Promise<CliResult> {
  const controller = new AbortController();
  let seen = 0;
  return cli(argv, {
    signal: controller.signal,
    onErr: (text) => {
      if (pattern.test(text) && ++seen === times) controller.abort();
    },
  });
}

describe('coppice resume', () => {
  beforeAll(async () => {
    const half = ['--method', 'magnitude', '--sparsity', '0.5', '--no-latency', '-q'];
    await cli(['prune', model, ...half, '-o', folder.at('half.onnx')]);
  });

  it.each([
    ['a gradual run in its second epoch', gradual, 2],
    ['a gradual run in its last epochs', gradual, 5],
    ['a training', finetune, 3],
  ])('goes on with %s, to the same bytes as a run that was not interrupted', async (name, flags, epochs) => {
    const place = `${flags.name}-${epochs}`;
    const [whole, part] = [folder.at(`${place}-whole.onnx`), folder.at(`${place}.onnx`)];
    const state = folder.at(`${place}.checkpoint`);
    const expected = await cli(flags(whole));
    expect([expected.code, name]).toEqual([0, name]);
    const stopped = await interrupted(flags(part), /epoch \d of 6: loss/, epochs);
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain(`coppice resume ${state}`);
    expect([existsSync(part), existsSync(`${state}/journal.json`)]).toEqual([false, true]);
    expect(
      readdirSync(state).filter((file) => !/^(journal\.json|pruned-\d+\.onnx|state-\d+\.safetensors)$/.test(file)),
    ).toEqual([]);
    const resumed = await cli(['resume', state]);
    expect([resumed.code, resumed.err.match(/epoch 1 of 6/)]).toEqual([0, null]);
    expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
    expect(existsSync(state)).toBe(false);
    const figures = (out: string): unknown[] => {
      const { accuracy, loss, nonzeros, command } = JSON.parse(out);
      return [accuracy, loss, nonzeros, command.filter((word: string) => !word.endsWith('.onnx'))];
    };
    expect(figures(resumed.out)).toEqual(figures(expected.out));
  });

  it('goes on with a search for the smallest model, and does none of its runs again', async () => {
    const [whole, part] = [folder.at('searched-whole.onnx'), folder.at('searched.onnx')];
    const trial = /points on held-out rows/;
    const expected = await cli(searching(whole));
    const trials = expected.err.split('\n').filter((line) => trial.test(line)).length;
    expect([expected.code, trials]).toEqual([0, expect.toSatisfy((count) => count >= 8)]);
    expect((await interrupted(searching(part), trial, 3)).code).toBe(130);
    const resumed = await cli(['resume', folder.at('searched.checkpoint')]);
    expect(resumed.err.split('\n').filter((line) => trial.test(line))).toHaveLength(trials - 3);
    expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
    const search = (out: string): unknown => JSON.parse(out).asked.options.search;
    expect(search(resumed.out)).toEqual(search(expected.out));
  });

  it('goes on after a search for the smallest model', async () => {
    const [whole, part] = [folder.at('found-whole.onnx'), folder.at('found.onnx')];
    await cli(searching(whole));
    expect((await interrupted(searching(part), /epoch \d of 2: loss/, 1)).code).toBe(130);
    const resumed = await cli(['resume', folder.at('found.checkpoint')]);
    expect([resumed.code, resumed.err.match(/held-out rows/)]).toEqual([0, null]);
    expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
  });

  it('does not begin where an unfinished run lies, unless told to', async () => {
    const output = folder.at('twice.onnx');
    await interrupted(gradual(output), /epoch 1 of 6/, 1);
    const again = await cli(gradual(output));
    expect([again.code, again.err]).toEqual([2, expect.stringMatching(/unfinished run lies in .*coppice resume/)]);
    expect((await cli([...gradual(output), '--restart'])).code).toBe(0);
    expect(existsSync(folder.at('twice.checkpoint'))).toBe(false);
  });

  it('refuses to go on when the data or the model has changed, and says which', async () => {
    const state = folder.at('changed.checkpoint');
    await interrupted(gradual(folder.at('changed.onnx')), /epoch 2 of 6/, 1);
    const [kept, keptData] = [readFileSync(model), data.split(',')[1] as string];
    const labels = readFileSync(keptData);
    folder.data('train', { rows: 79 });
    folder.model('small.onnx', SMALL.replace('random(3)', 'random(4)'));
    const { code, err } = await cli(['resume', state]);
    expect([code, err]).toEqual([6, expect.stringMatching(/not as it was when the run began: the model, the data/)]);
    folder.data('train', { rows: 80 });
    writeFileSync(model, kept);
    expect(readFileSync(keptData).equals(labels)).toBe(true);
    expect((await cli(['resume', state])).code).toBe(0);
  });

  it('refuses a folder without a run, and one whose files are broken', async () => {
    const empty = await cli(['resume', folder.path]);
    expect([empty.code, empty.err]).toEqual([5, expect.stringMatching(/there is no unfinished run in/)]);
    const state = folder.at('broken.checkpoint');
    await interrupted(gradual(folder.at('broken.onnx')), /epoch 4 of 6/, 1);
    const arrays = readdirSync(state).find((file) => file.startsWith('state-')) as string;
    writeFileSync(`${state}/${arrays}`, readFileSync(`${state}/${arrays}`).subarray(0, 500));
    const cut = await cli(['resume', state]);
    expect([cut.code, cut.err]).toEqual([
      6,
      expect.stringMatching(/is not as it was written \(state-\d+\.safetensors\)/),
    ]);
    writeFileSync(`${state}/journal.json`, '{}');
    const bad = await cli(['resume', state]);
    expect([bad.code, bad.err]).toEqual([6, expect.stringMatching(/is not as it was written \(its journal\)/)]);
    expect((await cli([...gradual(folder.at('broken.onnx')), '--restart'])).code).toBe(0);
  });

  it('goes on where the run began, and from no copy of its state', async () => {
    const [state, copy] = [folder.at('place.checkpoint'), folder.at('copied.checkpoint')];
    await interrupted(gradual(folder.at('place.onnx')), /epoch 2 of 6/, 1);
    cpSync(state, copy, { recursive: true });
    const elsewhere = await cli(['resume', copy]);
    expect([elsewhere.code, elsewhere.err]).toEqual([6, expect.stringContaining('the place of the state')]);
    symlinkSync(state, folder.at('way.checkpoint'));
    expect((await cli(['resume', folder.at('way.checkpoint')])).code).toBe(0);
  });

  it('runs no command but those that keep states', async () => {
    const state = folder.at('forged.checkpoint');
    for (const name of ['resume', 'studio', 'help']) {
      const facts = { folder: folder.path, key: {} };
      await openCheckpoint(state, { command: ['coppice', name, state], ...facts }).save(
        { pruning: null, stages: [], epochs: [], training: null },
        {},
      );
      const { code, err } = await cli(['resume', state]);
      expect([code, err]).toEqual([
        6,
        expect.stringContaining(`the state is of the command "${name}", which keeps none`),
      ]);
    }
  });

  it('refuses to go on when the external data of the model has changed', async () => {
    const large = folder.at('large.onnx');
    await writeModel(large, await readModel(model), { externalFrom: 0 });
    const source = await readModel(large);
    expect(externalHash(source)).toBeNull(); // too small to lie outside
    const wide = folder.model(
      'wide.onnx',
      SMALL.replace('float32[4,8] = random(1)', 'float32[4,512] = random(1)')
        .replace('b1: float32[8]', 'b1: float32[512]')
        .replace('w2: float32[3,8]', 'w2: float32[3,512]'),
    );
    await writeModel(large, await readModel(wide), { externalFrom: 0 });
    const argv = gradual(folder.at('outside.onnx')).map((word) => (word === model ? large : word));
    await interrupted(argv, /epoch 2 of 6/, 1);
    const bytes = readFileSync(`${large}.data`);
    writeFileSync(`${large}.data`, Buffer.concat([Buffer.from([1, 2, 3]), bytes.subarray(3)]));
    const { code, err } = await cli(['resume', folder.at('outside.checkpoint')]);
    expect([code, err]).toEqual([6, expect.stringContaining('not as it was when the run began: the model')]);
    writeFileSync(`${large}.data`, bytes);
    expect((await cli(['resume', folder.at('outside.checkpoint')])).code).toBe(0);
  });

  it('goes on with a sweep, and does none of its runs again', async () => {
    const [whole, part] = [folder.at('swept-whole'), folder.at('swept')];
    const sweeping = (output: string): string[] => [
      ...['sweep', model, '--methods', 'magnitude,chita', '--sparsity', '0.5,0.7', '--seeds', '1,2', '--samples', '40'],
      ...['--data', data, '--eval', data, '--threads', '1', '--json', '-o', output],
    ];
    const expected = await cli(sweeping(whole));
    const ran = /, seed \d: /;
    const stopped = await interrupted(sweeping(part), ran, 3);
    expect([expected.code, stopped.code, stopped.err]).toEqual([0, 130, expect.stringContaining('coppice resume')]);
    const resumed = await cli(['resume', `${part}.checkpoint`]);
    const lines = (err: string): string[] => err.split('\n').filter((line) => ran.test(line));
    expect([resumed.code, lines(expected.err).length - lines(resumed.err).length]).toEqual([0, 3]);
    const cells = (out: string): unknown =>
      JSON.parse(out).cells.map(({ seconds: _, ...cell }: { seconds: number }) => cell);
    expect(cells(resumed.out)).toEqual(cells(expected.out));
    expect(readdirSync(part)).toEqual(readdirSync(whole));
    for (const name of readdirSync(part))
      expect(readFileSync(`${part}/${name}`).equals(readFileSync(`${whole}/${name}`))).toBe(true);
    expect(existsSync(`${part}.checkpoint`)).toBe(false);
  });

  it.each([
    ['reconstruct', ['--method', 'reconstruct', '--samples', '60'], /"pieces":\{.*layer 0"/],
    ['auto', ['--gradients', '2400', '--batch', '16'], /"training":\{"epoch":[1-9].*"pieces":/],
  ])('goes on within a pruning by %s', async (name, flags, kept) => {
    const [whole, part] = [folder.at(`${name}-whole.onnx`), folder.at(`${name}.onnx`)];
    const pruning = (output: string): string[] => [
      ...['prune', model, '--data', data, '--sparsity', '0.6', '--threads', '1', '--no-latency', '-o', output],
      ...['--checkpoint-every', '0', ...flags],
    ];
    expect((await cli(pruning(whole))).code).toBe(0);
    expect(existsSync(folder.at(`${name}-whole.checkpoint`))).toBe(false);
    const state = folder.at(`${name}.checkpoint`);
    const controller = new AbortController();
    const watch = setInterval(() => {
      const journal = `${state}/journal.json`;
      if (existsSync(journal) && kept.test(readFileSync(journal, 'utf8'))) controller.abort();
    }, 1);
    const stopped = await cli(pruning(part), { signal: controller.signal });
    clearInterval(watch);
    expect([stopped.code, stopped.err]).toEqual([130, expect.stringContaining(`coppice resume ${state}`)]);
    expect((await cli(['resume', state])).code).toBe(0);
    expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
    expect(existsSync(state)).toBe(false);
  });

  it.each([
    ['a pruning before a training', [AUTO, TRAIN], /"of":0/, 1],
    ['the training behind it', [AUTO, TRAIN], /"of":1/, 2],
    ['a pruning behind a training', [TRAIN, AUTO], /"of":1/, 1],
    ['a pruning layer by layer behind a training', [TRAIN, LAYERS], /"step 1\/.*layer 0"/, 0],
  ] as const)('goes on within one of several steps: %s', async (name, steps, kept, trained) => {
    const recipe = folder.write(
      'steps.json',
      JSON.stringify({ schema: 'coppice/recipe@1', data, steps: steps.map((step) => ({ ...step, seed: 1 })) }),
    );
    const [whole, part] = [folder.at(`${name}-whole.onnx`), folder.at(`${name}.onnx`)];
    const flags = (output: string): string[] => [
      ...['run', recipe, model, '--threads', '1', '--no-latency', '--checkpoint-every', '0', '-o', output],
    ];
    expect((await cli(flags(whole))).code).toBe(0);
    const state = folder.at(`${name}.checkpoint`);
    const journal = (): string =>
      existsSync(`${state}/journal.json`) ? readFileSync(`${state}/journal.json`, 'utf8') : '';
    const controller = new AbortController();
    const watch = setInterval(() => kept.test(journal()) && controller.abort(), 1);
    const stopped = await cli(flags(part), { signal: controller.signal });
    clearInterval(watch);
    expect(stopped.code).toBe(130);
    // trainings of a pruning that are done, a shorter one beside it among them, are not done again
    expect(journal().match(/\/trained":/g) ?? []).toHaveLength(trained);
    expect((await cli(['resume', state])).code).toBe(0);
    expect(readFileSync(part).equals(readFileSync(whole))).toBe(true);
    expect(existsSync(state)).toBe(false);
  });

  it('keeps nothing where it is told not to', async () => {
    const output = folder.at('loose.onnx');
    await interrupted([...gradual(output), '--no-checkpoint'], /epoch 1 of 6/, 1);
    expect(existsSync(folder.at('loose.checkpoint'))).toBe(false);
  });
});
