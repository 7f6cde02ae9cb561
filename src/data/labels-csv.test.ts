import { describe, expect, it } from 'vitest';
import { parseLabelsCsv } from './labels-csv.ts';

describe('parseLabelsCsv', () => {
  it('reads its two columns wherever they are, quotes, blank lines and any line end', () => {
    const text = '\uFEFFlabel,note,File\r\n3,"a, ""b""",x.jpg\n\n-1,,"sub/y, z.png"\r\n';
    expect(parseLabelsCsv(text, 'l')).toEqual([
      { file: 'x.jpg', label: 3 },
      { file: 'sub/y, z.png', label: -1 },
    ]);
  });

  it.each([
    ['', /columns file,label/],
    ['a.jpg,3\n', /columns file,label, got "a.jpg,3"/],
    ['file,label\na.jpg\n', /line 2 has 1 values, wanted 2/],
    ['file,label\na.jpg,cat\n', /line 2.*whole number as label, got "cat"/],
    ['file,label\na.jpg,\n', /got ""/],
    ['file,label\na.jpg,1.5\n', /got "1.5"/],
    ['file,label\n../a.jpg,1\n', /inside the folder, got "..\/a.jpg"/],
    ['file,label\n/etc/a.jpg,1\n', /inside the folder/],
    ['file,label\n,1\n', /inside the folder/],
  ])('refuses %j', (text, message) => {
    expect(() => parseLabelsCsv(text, 'l')).toThrow(message);
  });
});
