import { describe, expect, it } from 'vitest';
import { answerMover } from './mirrored-answers.ts';

const at = { augment: { crop: 0, flip: true }, picture: { height: 2, width: 3 }, address: 'npz:a' };
const view = { down: 0, right: 0, mirrored: true };
const labels = (labelDims: readonly number[]) => ({ labelDims });
const targets = (dims: readonly number[]) => ({ targets: { dims, data: new Float32Array() } });

describe('answerMover', () => {
  it('mirrors classes of positions with the picture, whatever shape they are in', () => {
    for (const dims of [[2, 3], [6], [1, 2, 3]]) {
      const row = Int32Array.of(1, 2, 3, 4, 5, 6);
      answerMover(labels(dims), at)?.(row, view);
      expect([dims, ...row]).toEqual([dims, 3, 2, 1, 6, 5, 4]);
    }
  });

  it('mirrors targets with channels before and behind positions', () => {
    const first = Float32Array.from({ length: 12 }, (_, i) => i);
    answerMover(targets([2, 2, 3]), at)?.(first, view);
    expect([...first]).toEqual([2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9]);
    const last = Float32Array.from({ length: 12 }, (_, i) => i);
    answerMover(targets([2, 3, 2]), at)?.(last, view);
    expect([...last]).toEqual([4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7]);
  });

  it('leaves a row as it is where its picture is not mirrored', () => {
    const row = Int32Array.of(1, 2, 3, 4, 5, 6);
    answerMover(labels([2, 3]), at)?.(row, { ...view, mirrored: false });
    expect([...row]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('has nothing to do for one class or a vector a picture, or without augmentation', () => {
    expect(answerMover({}, at)).toBeNull();
    expect(answerMover(targets([4]), at)).toBeNull();
    expect(answerMover(labels([2, 3]), { ...at, augment: { crop: 0, flip: false } })).toBeNull();
  });

  it('refuses a crop, and positions that are not those of the picture', () => {
    expect(() => answerMover(labels([2, 3]), { ...at, augment: { crop: 1, flip: true } })).toThrow(
      /by a crop.*mirror them alone/,
    );
    expect(() => answerMover(labels([4, 5]), at)).toThrow(/labels of shape \[4,5\].*2 x 3/);
  });
});
