import { fileURLToPath } from 'node:url';
import { shown } from '../errors/arguments.ts';
import { messageOf, OptionError } from '../errors/errors.ts';
import type { Recipe } from '../pipeline/recipe.ts';
import type { Report } from '../report/report.ts';

/** A recipe, a report with one, or the path or `file:` URL of either. */
export type RecipeSource = Recipe | Report | string | URL;

/**
 * Reads a recipe, or that of a report.
 *
 * @throws OptionError if it cannot be read, or is no recipe, and no report with one; the place in it that is wrong is named
 */
export async function readRecipe(source: RecipeSource): Promise<Recipe> {
  const { recipeOf } = await import('../pipeline/recipe.ts');
  const value: unknown = typeof source === 'string' || source instanceof URL ? await parsed(source) : source;
  if (typeof value !== 'object' || value === null)
    throw new OptionError(
      `Cannot use the recipe: wanted a recipe, a report that has one, or where it lies; got ${shown(value)}`,
    );
  const inReport = (value as { readonly recipe?: unknown }).recipe;
  return recipeOf(inReport ?? value);
}

async function parsed(source: string | URL): Promise<unknown> {
  const { readText } = await import('../files/read-text.node.ts');
  const file = typeof source === 'string' ? source : fileURLToPath(source);
  try {
    return JSON.parse(readText(file));
  } catch (cause) {
    throw new OptionError(`Cannot read the recipe "${file}": ${messageOf(cause)}`, { cause });
  }
}
