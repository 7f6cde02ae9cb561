import { describe, expect, it } from 'vitest';
import type { Dimension } from '../ir/model.ts';
import type { DataType } from '../tensor/tensor.ts';
import { standIn } from './stand-ins.ts';

const of = (name: string, type: DataType = 'int64', shape: readonly Dimension[] = ['N', 'T']) =>
  standIn({ name, type, shape });

describe('standIn', () => {
  it('knows masks, token types and positions by the names that exporters give them', () => {
    for (const name of [
      'attention_mask',
      'input_mask:0',
      'model/attentionMask',
      'decoder_attention_mask',
      'mask',
      'pixel_mask',
    ])
      expect([name, of(name)]).toEqual([name, 'ones']);
    for (const name of ['token_type_ids', 'segment_ids:0', 'input_type_ids', 'segments'])
      expect([name, of(name)]).toEqual([name, 'zeros']);
    for (const name of ['position_ids', 'positions', 'decoder_position_ids'])
      expect([name, of(name)]).toEqual([name, 'counting']);
  });

  it('masks nothing where a mask says what to leave out', () => {
    expect(of('src_key_padding_mask', 'bool')).toBe('zeros');
  });

  it('knows nothing of what only data can say', () => {
    for (const name of ['input_ids', 'x', 'labels', 'unmask_ratio', 'masked_positions', 'position_embeddings', 'types'])
      expect([name, of(name)]).toEqual([name, name === 'types' ? 'zeros' : null]);
    expect(of('mask', 'float32', ['N', 1, 'H', 'W'])).toBeNull(); // of a picture: ones may be what is left out
    expect(of('attention_mask', 'string')).toBeNull();
  });
});
