import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const SOURCES = resolve(import.meta.dirname, '../src');
/** What runs outside the command line. */
const FILES = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
  (file) => /\.m?ts$/.test(file) && !/^cli\/|\.(test|cases)\.ts$|_pb\.ts$/.test(file),
);
/** A flag of this program; those of a program that is named before it are that program's, and `var(--ink)` is CSS. */
const FLAG = /(?:^|[^\w-])--[a-z]/;
const OTHERS = /(?:npm|node) [^"]*--[a-z-]+/g;

/** What a literal says, with a dot for what is put in. */
function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return null;
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('.');
}

/** The texts of a file that are sentences: more than a word, and no style sheet. */
function sentencesOf(file: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const text = textOf(node);
    if (text?.includes(' ') && !/\{ ?[a-z-]+:|var\(--/.test(text)) found.push(text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(join(SOURCES, file), 'utf8'), ts.ScriptTarget.Latest));
  return found;
}

describe('sentences outside the command line', () => {
  const sentences = FILES.flatMap((file) => sentencesOf(file).map((text) => ({ file, text })));

  it('are many', () => {
    expect(sentences.length).toBeGreaterThan(1000);
  });

  it('name no flag: what mends something is an option, as data', () => {
    expect(sentences.filter(({ text }) => FLAG.test(text.replace(OTHERS, '')))).toEqual([]);
  });
});
