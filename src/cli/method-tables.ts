import { METHOD_NAMES, METHODS } from '../methods/list.ts';
import { defaultOf } from '../methods/method.ts';
import { factsOf, METHOD_OPTIONS, type MethodOption } from '../pruning/method-options.ts';
import { flagOfName } from './remedies.ts';

/** The methods as a table: name, what it reads, what it does. */
export function methodsTable(): string {
  const rows = METHOD_NAMES.map((name) => {
    const { summary, needs } = METHODS[name];
    return `| \`${name}\` | ${needs.gradients ? 'gradients' : needs.data ? 'rows, no labels' : 'none'} | ${summary} |`;
  });
  return ['| method | data | what it does |', '| --- | --- | --- |', ...rows].join('\n');
}

/** The options of the methods as a table: flag, what it is, defaults by method. */
export function optionsTable(): string {
  const rows = (Object.keys(METHOD_OPTIONS) as MethodOption[]).map((name) => {
    const { description = '', argument } = factsOf(METHOD_OPTIONS[name]) ?? {};
    const flag = `\`${flagOfName(name)}${argument === undefined ? '' : ` ${argument}`}\``;
    return `| ${flag} | ${description} | ${defaultsText(name)} |`;
  });
  return ['| flag | | default by method |', '| --- | --- | --- |', ...rows].join('\n');
}

/** Methods that share a default in one entry: `1000: auto, chita; 16: chita++`. */
function defaultsText(name: MethodOption): string {
  const having = METHOD_NAMES.filter((method) => name in METHODS[method].options.shape);
  const values = new Map<string, string[]>();
  for (const method of having) {
    const value = String(defaultOf(METHODS[method], name) ?? 'none');
    values.set(value, [...(values.get(value) ?? []), method]);
  }
  return [...values].map(([value, methods]) => `${value}: ${methods.join(', ')}`).join('; ');
}
