import type { Command } from 'commander';
import { onnxruntimeNode } from '../../engine/onnxruntime.node.ts';
import { type Inspection, inspect, type Port } from '../../pipeline/inspect.ts';
import type { PatternFacts } from '../../pipeline/pattern-facts.ts';
import { shapesOf } from '../../pruning/shapes.ts';
import { bytes, integer, percent, short } from '../../report/figures.ts';
import { toolFacts } from '../../report/surroundings.node.ts';
import { type Column, textTable } from '../../report/table.ts';
import { configOf } from '../config.node.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { type InspectFlags, patternParts } from '../flags.ts';
import { type OpenedModel, openModel } from '../opening.node.ts';

/** The layout of an inspection; it rises when a field changes its meaning. */
const INSPECTION_SCHEMA = 'coppice/inspection@1';

/** What is known beside the model itself. */
interface Found {
  readonly opened: OpenedModel;
  readonly inspection: Inspection;
  /** The pattern that was asked for. */
  readonly pattern: string | null;
  /** Size that open dimensions were given; null where there are none, or the model does not run. */
  readonly open: number | null;
  /** Why the model does not run; null where it does. */
  readonly reason: string | null;
}

/** Lists a model. @returns the exit code */
export async function inspectFile(context: Context, path: string, command: Command): Promise<number> {
  const flags = command.opts<InspectFlags>();
  if (flags.printConfig === true) {
    context.print(JSON.stringify(configOf(command), null, 2));
    return EXIT.ok;
  }
  const opened = await context.timed('read', () => openModel(path));
  const shapes = await context.timed('shapes', () => shapesOf(onnxruntimeNode, opened.model, undefined, flags.open));
  const runs = !('reason' in shapes);
  const found: Found = {
    opened,
    inspection: inspect(opened.model, runs ? shapes : undefined, patternParts(flags)),
    pattern: flags.pattern ?? null,
    open: runs ? shapes.open : null,
    reason: runs ? null : shapes.reason,
  };
  if (found.reason !== null)
    context.warn(`shapes and MACs are not known, since the model does not run on made-up inputs: ${found.reason}`);
  if (found.inspection.totals.notFinite > 0)
    context.warn(
      `${integer(found.inspection.totals.notFinite)} weights are NaN or infinite; such layers cannot be pruned`,
    );
  context.print(flags.json === true ? inspectionText(context, found) : listing(found, context.width));
  return EXIT.ok;
}

function inspectionText({ warnings }: Context, { opened, inspection, open, reason }: Found): string {
  const document = {
    schema: INSPECTION_SCHEMA,
    tool: toolFacts(),
    model: opened.file,
    ...inspection,
    openDimensions: open,
    doesNotRun: reason,
    warnings,
  };
  return JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? Number(value) : value), 2);
}

function listing({ opened, inspection, pattern, open, reason }: Found, width: number): string {
  const { prunable, unprunable, totals } = inspection;
  const parts = [headOf(opened, inspection)];
  if (prunable.length > 0) parts.push(prunableTable(inspection, pattern, width));
  const macs = totals.macs === null ? '' : `, ${short(totals.macs)} MACs a sample`;
  const assumed = open === null || reason !== null ? '' : ` (open dimensions taken as ${open})`;
  const zeros =
    totals.prunable === totals.nonzeros
      ? ''
      : `, ${percent(1 - totals.nonzeros / totals.prunable)} of them zero already`;
  parts.push(
    `Prunable: ${integer(totals.prunable)} weights in ${prunable.length} ${prunable.length === 1 ? 'layer' : 'layers'}${zeros}${macs}${assumed}`,
  );
  if (totals.pattern !== null) parts.push(patternText(pattern ?? '', totals.pattern));
  if (unprunable.length > 0) parts.push(`Left alone:\n\n${unprunableTable(inspection, width)}`);
  return parts.join('\n\n');
}

function headOf({ file }: OpenedModel, inspection: Inspection): string {
  const { opsets, producer, inputs, outputs, nodes, operators, parameters } = inspection;
  const { localFunctions, sparseInitializers } = inspection;
  const usual = Object.entries(operators).map(([op, times]) => `${op}${times === 1 ? '' : ` x${times}`}`);
  const rows = [
    [
      'Model',
      `${file.name}, ${bytes(file.bytes)}, ${integer(parameters)} float parameters${producer === '' ? '' : `, from ${producer}`}`,
    ],
    [
      'Opset',
      Object.entries(opsets)
        .map(([domain, version]) => `${domain} ${version}`)
        .join(', '),
    ],
    ...inputs.map((port, i) => [i === 0 ? 'Inputs' : '', portText(port)]),
    ...outputs.map((port, i) => [i === 0 ? 'Outputs' : '', portText(port)]),
    ...(localFunctions.length === 0 ? [] : [['Functions', `${few(localFunctions)}, written out below`]]),
    ...(sparseInitializers.length === 0 ? [] : [['Sparse', few(sparseInitializers)]]),
    ['Nodes', `${integer(nodes)}: ${few(usual)}`],
  ];
  return textTable([{ heading: '' }, { heading: '' }], rows)
    .split('\n')
    .slice(2)
    .join('\n');
}

function few(names: readonly string[]): string {
  return `${names.slice(0, 12).join(', ')}${names.length > 12 ? `, ${names.length - 12} more` : ''}`;
}

function portText({ name, type, shape }: Port): string {
  return `${name}: ${type ?? 'untyped'}${shape === null ? '' : `[${shape.map((d) => d ?? '?').join(', ')}]`}`;
}

function patternText(pattern: string, { groups, uneven, violations }: PatternFacts): string {
  const smaller = uneven === 0 ? '' : `; ${integer(uneven)} are smaller, at edges that it does not divide`;
  return `Pattern ${pattern}: ${integer(violations)} of ${integer(groups)} groups break it${smaller}`;
}

function prunableTable({ prunable, totals }: Inspection, pattern: string | null, width: number): string {
  const hasBad = totals.notFinite > 0;
  const hasZeros = totals.nonzeros < totals.prunable;
  const hasLimits = prunable.some(({ magnitudeOnly }) => magnitudeOnly !== null);
  const right = (heading: string): Column => ({ heading, align: 'right' });
  const columns: Column[] = [
    { heading: 'prunable' },
    { heading: 'node' },
    { heading: 'operator' },
    { heading: 'shape' },
    right('weights'),
    { heading: 'output' },
    right('MACs'),
    ...(hasZeros ? [right('zeros')] : []),
    ...(hasBad ? [right('NaN, inf')] : []),
    ...(pattern === null ? [] : [right(`break ${pattern}`)]),
    ...(hasLimits ? [{ heading: 'methods' }] : []),
  ];
  const rows = prunable.map(
    ({ name, node, op, shape, weights, uses, output, macs, zeros, notFinite, magnitudeOnly, pattern: counted }) => [
      name,
      node,
      uses > 1 ? `${op}, ${uses} uses` : op,
      `[${shape.join(', ')}]`,
      integer(weights),
      output === null ? '' : `[${output.join(', ')}]`,
      short(macs),
      ...(hasZeros ? [percent(weights === 0 ? 0 : zeros / weights, 1)] : []),
      ...(hasBad ? [integer(notFinite)] : []),
      ...(pattern === null ? [] : [counted === null ? 'not known' : integer(counted.violations)]),
      ...(hasLimits ? [magnitudeOnly === null ? 'all' : `magnitude: ${magnitudeOnly}`] : []),
    ],
  );
  return textTable(columns, rows, width);
}

function unprunableTable({ unprunable }: Inspection, width: number): string {
  const rows = unprunable.map(({ name, op, shape, weights, reason }) => [
    name,
    op,
    `[${shape.join(', ')}]`,
    integer(weights),
    reason,
  ]);
  return textTable(
    [
      { heading: 'weight' },
      { heading: 'operator' },
      { heading: 'shape' },
      { heading: 'weights', align: 'right' },
      { heading: 'why' },
    ],
    rows,
    width,
  );
}
