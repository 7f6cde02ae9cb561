import type { Command } from 'commander';
import { compiledFiles } from '../../compile/output.ts';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { OutputError } from '../../errors/errors.ts';
import { measureSize, type Size } from '../../evaluate/size.node.ts';
import { reasonOf, writeFiles } from '../../files/atomic.node.ts';
import { type CheckedModel, type CompileRequest, compileChecked } from '../../pipeline/compile-model.ts';
import { bytes, integer, percent } from '../../report/figures.ts';
import { toolFacts } from '../../report/surroundings.node.ts';
import { textTable } from '../../report/table.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { OutputFlags } from '../flags.ts';
import { openModel } from '../opening.node.ts';
import { checkNotInputs, checkWritableFile, fileIn, folderHolding, inputsOf, stemOf } from '../outputs.node.ts';

/** The layout of what --json prints; it rises when a field changes its meaning. */
const COMPILATION_SCHEMA = 'coppice/compilation@1';

interface CompileFlags extends OutputFlags, CompileRequest {
  readonly output?: string;
  readonly inline?: boolean;
}

/** Compiles a model file. @returns the exit code */
export async function compileFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<CompileFlags>();
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command), null, 2));
    return EXIT.ok;
  }
  const output = flags.output ?? `${stemOf(path)}.wasm`;
  const stem = stemOf(output).replace(/\.(wasm|js|mjs)$/i, '');
  const folder = folderHolding(output);
  const written = [`${stem}.d.ts`, `${stem}.js`, `${stem}.wasm`].map((name) => fileIn(folder, name));
  checkNotInputs(written, inputsOf(path, { config: flags.config }));
  checkWritableFile(output);
  const opened = await context.timed('read', () => openModel(path));
  const { weights, target, batch, open, inline = false } = flags;
  const request = { weights, target, ...(batch !== undefined && { batch }), ...(open !== undefined && { open }) };
  const checked = await context.timed('compile', () => compileChecked(onnxruntimeNode, opened.model, request));
  const files = compiledFiles(checked.compiled, stem, inline);
  await context.timed('write', () => writeAll(folder, files));
  const sizes = await sizesOf(files);
  const facts = { opened, checked, sizes, weights: weights ?? 'f32' };
  context.print(flags.json === true ? compilationText(context, facts, output) : listing(facts));
  return EXIT.ok;
}

async function writeAll(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  try {
    await writeFiles(folder, files);
  } catch (cause) {
    throw new OutputError(`Cannot write to "${folder}": ${reasonOf(cause)}`, { cause });
  }
}

interface Facts {
  readonly opened: Awaited<ReturnType<typeof openModel>>;
  readonly checked: CheckedModel;
  readonly sizes: Readonly<Record<string, Size>>;
  readonly weights: string;
}

async function sizesOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Record<string, Size>> {
  const sizes: Record<string, Size> = {};
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('.d.ts')) continue;
    sizes[name] = await measureSize(typeof content === 'string' ? new TextEncoder().encode(content) : content);
  }
  return sizes;
}

function listing({ opened, checked, sizes, weights }: Facts): string {
  const { compiled, difference, open } = checked;
  const { kept, weights: all, memory, inputs, outputs } = compiled;
  const port = ({ name, type, dims }: (typeof inputs)[number]): string => `${name}: ${type}[${dims.join(', ')}]`;
  const rows = Object.entries(sizes).map(([name, { raw, gzip, brotli }]) => [
    name,
    bytes(raw),
    shown(gzip),
    shown(brotli),
  ]);
  const heading = (text: string) => ({ heading: text, align: 'right' as const });
  return [
    `${opened.file.name}: ${integer(kept)} of ${integer(all)} weights of its layers are kept (${percent(1 - kept / all, 1)} zeros), stored as ${weights}`,
    `Inputs   ${inputs.map(port).join(', ')}${open === null ? '' : ` (open dimensions taken as ${open})`}`,
    `Outputs  ${outputs.map(port).join(', ')}`,
    `Memory   ${bytes(memory.values)} of values, ${bytes(memory.tables)} of weights`,
    `Checked  outputs differ from onnxruntime's by ${difference.toExponential(1)} of the largest`,
    '',
    textTable([{ heading: 'written' }, heading('bytes'), heading('gzip'), heading('brotli')], rows),
  ].join('\n');
}

function shown(size: number | null): string {
  return size === null ? 'not measured' : bytes(size);
}

function compilationText({ warnings }: Context, { opened, checked, sizes, weights }: Facts, output: string): string {
  const { compiled, difference, open, batch } = checked;
  const { kept, weights: all, memory, inputs, outputs } = compiled;
  const ports = (list: typeof inputs) => list.map(({ name, type, dims }) => ({ name, type, dims }));
  return JSON.stringify(
    {
      schema: COMPILATION_SCHEMA,
      tool: toolFacts(),
      model: opened.file,
      folder: fileIn(folderHolding(output), ''),
      files: sizes,
      inputs: ports(inputs),
      outputs: ports(outputs),
      weights: { kept, all, stored: weights },
      memory,
      batch,
      openDimensions: open,
      difference,
      warnings,
    },
    null,
    2,
  );
}
