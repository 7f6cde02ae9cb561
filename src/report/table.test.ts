import { describe, expect, it } from 'vitest';
import { markdownTable, textTable } from './table.ts';

const columns = [{ heading: 'Layer' }, { heading: 'Kept', align: 'right' as const }, { heading: 'Note' }];
const rows = [
  ['conv1', '1,024', 'first'],
  ['a longer name', '7'],
];

describe('textTable', () => {
  it('aligns its columns and ends no line in spaces', () => {
    expect(textTable(columns, rows).split('\n')).toEqual([
      'Layer           Kept  Note',
      '-------------  -----  -----',
      'conv1          1,024  first',
      'a longer name      7',
    ]);
  });

  it('shows the headings of an empty table', () => {
    expect(textTable(columns, [])).toBe('Layer  Kept  Note\n-----  ----  ----');
  });

  it('lets no control character through', () => {
    expect(textTable([{ heading: 'x' }], [['a\u001b[31m\nb']])).toBe('x\n--------\na [31m b');
  });

  it('fits a terminal by cutting the widest texts at their beginning, and numbers never', () => {
    const long = ['features.7.conv.0.weight', '1,234,567', 'a note that is long enough to be cut'];
    const lines = textTable(columns, [...rows, long], 50).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(50);
    expect(lines.at(-1)).toContain('1,234,567');
    expect(lines.at(-1)).toMatch(/\u2026[^ ]*\.weight/);
    expect(textTable(columns, [long], 3)).toContain('1,234,567');
  });

  it('aligns wide and combining characters', () => {
    const lines = textTable(
      [{ heading: 'name' }, { heading: 'n' }],
      [
        ['\u5377\u7a4d', '1'],
        ['e\u0301', '2'],
      ],
    ).split('\n');
    expect(lines.slice(2)).toEqual(['\u5377\u7a4d  1', 'e\u0301     2']);
  });
});

describe('markdownTable', () => {
  it('aligns numbers right', () => {
    expect(markdownTable(columns, rows).split('\n')).toEqual([
      '| Layer         |  Kept | Note  |',
      '| ------------- | ----: | ----- |',
      '| conv1         | 1,024 | first |',
      '| a longer name |     7 |       |',
    ]);
  });

  it('escapes what would break out of a cell', () => {
    expect(markdownTable([{ heading: 'x' }], [['a|b\\<i>\n']])).toContain('| a\\|b\\\\&lt;i>  |');
  });
});
