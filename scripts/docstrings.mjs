// Every export of src/ has a docstring. Prints the ones that have none; exits 1 if there are any.
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

const SKIPPED = /\.(test|cases)\.ts$|^src\/onnx\/onnx_pb\.ts$/;

/** The declared names of a statement. */
function namesOf(statement) {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map((d) => d.name.getText());
  return statement.name === undefined ? ['default'] : [statement.name.getText()];
}

function isDeclaration(statement) {
  return (
    ts.isVariableStatement(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement)
  );
}

function isExported(statement) {
  return ts.getModifiers(statement)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** Names that an `export { a, b }` without a source module exports. */
function listedNames(source) {
  const listed = new Set();
  for (const statement of source.statements) {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier !== undefined) continue;
    if (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause)) continue;
    for (const element of statement.exportClause.elements) listed.add((element.propertyName ?? element.name).text);
  }
  return listed;
}

/** Exports of one file without a docstring, as `file:line name`; an overload documents all of its kind. */
function undocumented(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const listed = listedNames(source);
  const documented = new Set();
  const wanted = new Map();
  for (const statement of source.statements.filter(isDeclaration)) {
    const hasDoc = ts
      .getJSDocCommentsAndTags(statement)
      .some((doc) => ts.isJSDoc(doc) && (doc.comment ?? doc.tags) !== undefined);
    for (const name of namesOf(statement)) {
      if (!isExported(statement) && !listed.has(name)) continue;
      if (hasDoc) documented.add(name);
      else if (!wanted.has(name)) wanted.set(name, source.getLineAndCharacterOfPosition(statement.getStart()).line + 1);
    }
  }
  return [...wanted].filter(([name]) => !documented.has(name)).map(([name, line]) => `${file}:${line} ${name}`);
}

const files = readdirSync('src', { recursive: true })
  .map((file) => `src/${file.replaceAll('\\', '/')}`)
  .filter((file) => file.endsWith('.ts') && !SKIPPED.test(file));
const missing = files.flatMap(undocumented).sort();
for (const line of missing) console.log(`no docstring: ${line}`);
if (missing.length > 0) process.exitCode = 1;
