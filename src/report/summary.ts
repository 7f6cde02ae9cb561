import { bytes, difference, integer, milliseconds, number, percent, points, ratio, short, UNKNOWN } from './figures.ts';
import type { Report } from './report.ts';

/** One figure before and after pruning, as text. */
export interface SummaryRow {
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** Empty where one of the two is not known. */
  readonly change: string;
}

/** The figures measured before and after pruning that are known, in the order a reader asks for them. */
export function summaryRows(report: Report): SummaryRow[] {
  return [
    ...qualityRows(report),
    ...sizeRows(report),
    ...patternRows(report),
    ...latencyRows(report),
    ...compiledRows(report),
  ];
}

function qualityRows({ accuracy, loss, recalibrated, finetuned }: Report): SummaryRow[] {
  const shares = (label: string, after: number | null): SummaryRow => ({
    label,
    before: percent(accuracy.before),
    after: percent(after),
    change: points(accuracy.before, after),
  });
  const losses = (label: string, after: number | null): SummaryRow => ({
    label,
    before: number(loss.before),
    after: number(after),
    change: difference(loss.before, after),
  });
  const later = [
    ...(recalibrated === null ? [] : [{ name: 'after recalibration', ...recalibrated }]),
    ...(finetuned === null ? [] : [{ name: 'after training', ...finetuned }]),
  ];
  return [
    shares('Accuracy', accuracy.after),
    ...later.map(({ name, accuracy: reached }) => shares(`Accuracy ${name}`, reached)),
    losses('Loss', loss.after),
    ...later.map(({ name, loss: reached }) => losses(`Loss ${name}`, reached)),
  ].filter(isKnown);
}

function sizeRows({ prunable, nonzeros, macs, bytes: size }: Report): SummaryRow[] {
  return [
    counted('Nonzero prunable weights', integer, prunable, nonzeros),
    counted('MACs of one sample', short, macs.before, macs.after),
    sized('File', size.before?.raw, size.after?.raw),
    sized('File, gzip', size.before?.gzip, size.after?.gzip),
    sized('File, brotli', size.before?.brotli, size.after?.brotli),
  ].filter(isKnown);
}

function patternRows({ asked: { pattern }, layers }: Report): SummaryRow[] {
  if (pattern === null) return [];
  const total = (pick: (one: NonNullable<Report['layers'][number]['pattern']>) => number): number =>
    layers.reduce((sum, layer) => sum + (layer.pattern === null ? 0 : pick(layer.pattern)), 0);
  const groups = integer(total((one) => one.groups));
  const violations = integer(total((one) => one.violations));
  return [{ label: `Groups that break ${pattern}`, before: UNKNOWN, after: violations, change: `of ${groups}` }];
}

type Maybe = number | null;

function counted(label: string, show: (n: Maybe) => string, before: Maybe, after: Maybe): SummaryRow {
  const change = ratio(before, after, { less: 'fewer', more: 'more' });
  return { label, before: show(before), after: show(after), change };
}

function sized(label: string, before: Maybe = null, after: Maybe = null): SummaryRow {
  return { label, before: bytes(before), after: bytes(after), change: ratio(before, after) };
}

function latencyRows({ latency }: Report): SummaryRow[] {
  return (latency ?? []).map(({ batch, before, after }) => ({
    label: `Latency, batch ${batch}`,
    before: milliseconds(before?.median ?? null),
    after: milliseconds(after?.median ?? null),
    change: speed(before?.median ?? null, after?.median ?? null),
  }));
}

/** The compiled model beside the model before pruning. */
function compiledRows({ compiled, accuracy, bytes: size }: Report): SummaryRow[] {
  if (compiled === null || compiled.refused !== null) return [];
  const { latency, files } = compiled;
  const total = (of: (file: (typeof files)[number]) => Maybe): Maybe =>
    files.length === 0 ? null : files.reduce((sum: Maybe, file) => (sum === null ? null : add(sum, of(file))), 0);
  const median = latency?.compiled.median ?? null;
  return [
    {
      label: 'Accuracy compiled',
      before: percent(accuracy.before),
      after: percent(compiled.accuracy),
      change: points(accuracy.before, compiled.accuracy),
    },
    sized(
      'Compiled, brotli',
      size.before?.brotli,
      total((file) => file.brotli),
    ),
    {
      label: `Latency compiled, batch ${compiled.batch}`,
      before: milliseconds(latency?.before?.median ?? null),
      after: milliseconds(median),
      change: speed(latency?.before?.median ?? null, median),
    },
  ].filter(isKnown);
}

function add(a: number, b: Maybe): Maybe {
  return b === null ? null : a + b;
}

/** A change within 5 % is what the machine's noise makes of nothing. */
function speed(before: number | null, after: number | null): string {
  if (before === null || after === null || before <= 0 || after <= 0) return '';
  if (Math.abs(after / before - 1) < 0.05) return 'unchanged';
  return before > after ? `${(before / after).toFixed(2)}x faster` : `${(after / before).toFixed(2)}x slower`;
}

function isKnown(row: SummaryRow): boolean {
  return row.before !== UNKNOWN || row.after !== UNKNOWN;
}
