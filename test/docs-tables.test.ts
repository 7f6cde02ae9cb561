import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { methodsTable, optionsTable } from '../src/cli/method-tables.ts';
import { recipeJsonSchema } from '../src/pipeline/recipe.ts';

/** A page with the text between two markers replaced. */
function withTable(page: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const text = readFileSync(page, 'utf8');
  expect(text.split(begin)).toHaveLength(2);
  return `${text.slice(0, text.indexOf(begin))}${begin}\n${table}\n${text.slice(text.indexOf(end))}`;
}

// `npx vitest run test/docs-tables.test.ts -u` writes the pages anew.
it('docs/choose-a-method.md lists the methods as the program does', async () => {
  const page = withTable('docs/choose-a-method.md', 'methods', methodsTable());
  await expect(page).toMatchFileSnapshot('../docs/choose-a-method.md');
});

it('docs/cli.md lists the options of the methods as the program does', async () => {
  const page = withTable('docs/cli.md', 'options of the methods', optionsTable());
  await expect(page).toMatchFileSnapshot('../docs/cli.md');
});

it('docs/recipe.schema.json is the schema of recipes', async () => {
  await expect(`${JSON.stringify(recipeJsonSchema(), null, 2)}\n`).toMatchFileSnapshot('../docs/recipe.schema.json');
});
