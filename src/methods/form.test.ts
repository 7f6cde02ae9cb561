import { describe, expect, it } from 'vitest';
import { filled } from '../pruning/method-options.ts';
import { formOf } from './form.ts';
import { defaultText, optionsOf, titleOf } from './form-values.ts';
import { METHOD_NAMES, METHODS } from './list.ts';

describe('the form of a method', () => {
  it.each(METHOD_NAMES)('%s asks for every option once, in plain data that may be sent', (name) => {
    const form = formOf(METHODS[name]);
    expect(JSON.parse(JSON.stringify(form))).toEqual(form);
    expect(form.fields.map((field) => field.name).sort()).toEqual(Object.keys(METHODS[name].options.shape).sort());
    const common = form.fields.map(({ isCommon }) => isCommon);
    expect(common).toEqual([...common].sort((a, b) => Number(b) - Number(a)));
    for (const { description } of form.fields) expect(description).toMatch(/\w/);
  });

  it.each(METHOD_NAMES)('%s takes its defaults as they are shown, and the words of its choices', (name) => {
    const { options } = METHODS[name];
    const { fields } = formOf(METHODS[name]);
    const shown = Object.fromEntries(fields.map((field) => [field.name, defaultText(field)]));
    expect(filled(options, optionsOf(fields, shown))).toEqual(options.parse({}));
    for (const { name: option, choices } of fields)
      for (const word of choices)
        expect(filled(options, optionsOf(fields, { [option]: word }))).toMatchObject({ [option]: word });
  });

  it('knows what is filled in', () => {
    const kinds = (name: 'auto' | 'chita') =>
      Object.fromEntries(formOf(METHODS[name]).fields.map((field) => [field.name, field.kind]));
    expect(kinds('auto')).toMatchObject({
      minutes: 'number',
      gradients: 'amount',
      samples: 'count',
      schedule: 'choice',
    });
    expect(kinds('chita')).toMatchObject({
      lambda: 'number',
      swaps: 'whole',
      lineSearch: 'whole',
      firstOrder: 'number',
      recalibrateStages: 'yes-no',
    });
  });

  it('says what an option is to its own method', () => {
    const said = (name: 'auto' | 'reconstruct' | 'chita') =>
      formOf(METHODS[name]).fields.find((field) => field.name === 'samples')?.description;
    expect([said('auto'), said('reconstruct'), said('chita')]).toEqual([
      expect.stringContaining('steps'),
      expect.stringContaining('solved'),
      expect.stringContaining('gradient rows'),
    ]);
  });

  it('gives the options that were filled in, and leaves what is no value to the schema', () => {
    const { fields } = formOf(METHODS.auto);
    const texts = { gradients: '1.5k', batch: ' 8 ', stages: '', schedule: 'exp' };
    expect(optionsOf(fields, texts)).toEqual({ gradients: 1500, batch: 8, schedule: 'exp' });
    expect(() => filled(METHODS.auto.options, optionsOf(fields, { batch: 'many' }))).toThrow(
      'Cannot use batch "many": wanted a whole number above 0',
    );
    expect(optionsOf(formOf(METHODS.magnitude).fields, { batch: '8' })).toEqual({});
    expect(titleOf({ name: 'firstOrder' })).toBe('First order');
  });
});
