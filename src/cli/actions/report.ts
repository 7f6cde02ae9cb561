import type { Command } from 'commander';
import { writeTextFiles } from '../../report/files.node.ts';
import { reportMarkdown, sweepMarkdown } from '../../report/markdown.ts';
import { pageWith } from '../../report/page.node.ts';
import { isSweep, readReport } from '../../report/read.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { fileIn, folderHolding, makeFolder } from '../outputs.node.ts';

interface ReportFlags {
  readonly format: 'html' | 'md' | 'json';
  readonly output?: string;
}

/** Makes another form of a report that lies in a folder. @returns the exit code */
export async function reportAgain(context: Context, place: string, command: Command): Promise<number> {
  const { format, output } = command.opts<ReportFlags>();
  const { path, document } = await context.timed('read', () => readReport(place));
  if (format === 'json') {
    context.print(JSON.stringify(document, null, 2));
    return EXIT.ok;
  }
  const folder = output ?? folderHolding(path);
  makeFolder(folder);
  if (format === 'html') {
    await writeTextFiles(folder, { 'report.html': await pageWith('report', document) });
    context.print(fileIn(folder, 'report.html'));
    return EXIT.ok;
  }
  const { text, charts } = isSweep(document) ? sweepMarkdown(document) : reportMarkdown(document);
  await writeTextFiles(fileIn(folder, 'charts'), charts);
  await writeTextFiles(folder, { 'report.md': text });
  context.print(
    [fileIn(folder, 'report.md'), ...Object.keys(charts).map((name) => fileIn(fileIn(folder, 'charts'), name))].join(
      '\n',
    ),
  );
  return EXIT.ok;
}
