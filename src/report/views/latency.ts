import { milliseconds, percent, ratio } from '../figures.ts';
import type { CompiledReport, Report } from '../report.ts';

/** An answer to "will it be faster, and where?". */
export interface SpeedAnswer {
  readonly where: string;
  readonly measured: string;
  readonly verdict: string;
}

/** A change within this share is what the noise of a machine makes of nothing. */
const NOISE = 0.05;

/** What was measured of the model's speed and size, and what was not. */
export function speedAnswers(report: Report): SpeedAnswer[] {
  const { runtime, platform, latency, macs, bytes, compiled } = report;
  const here = `${runtime.name} on ${platform.cpu ?? 'this machine'}`;
  const timed = (latency ?? []).map(({ batch, before, after }): SpeedAnswer => {
    const where = `${here}, batch ${batch}`;
    if (before === null || after === null) return { where, measured: 'not measured', verdict: 'not known' };
    const change = after.median / before.median - 1;
    const isNoise = after.p10 <= before.p90 && before.p10 <= after.p90;
    const verdict =
      Math.abs(change) < NOISE
        ? 'no'
        : isNoise
          ? 'not known: the machine was too noisy, the 10th to 90th percentiles overlap'
          : change < 0
            ? `yes, ${percent(-change, 0)} less time`
            : `no, ${percent(change, 0)} more time`;
    return { where, measured: `${milliseconds(before.median)} before, ${milliseconds(after.median)} after`, verdict };
  });
  const share = macs.before === null || macs.after === null || macs.before === 0 ? null : macs.after / macs.before;
  const [a, b] = [bytes.before?.brotli ?? null, bytes.after?.brotli ?? null];
  return [
    ...(timed.length === 0 ? [{ where: here, measured: 'not measured', verdict: 'not known' }] : timed),
    ...(compiled?.latency
      ? [compiledAnswer(compiled.latency, report)]
      : [
          {
            where: 'A runtime with sparse kernels',
            measured:
              share === null ? 'MACs are not known' : `${percent(share, 1)} of the multiply-accumulates are left`,
            verdict: `not measured: ${compiled?.refused ?? 'coppice compile makes such a program'}`,
          },
        ]),
    {
      where: 'Download and storage, compressed',
      measured: a === null || b === null ? 'not measured' : `by brotli ${ratio(a, b)}`,
      verdict: a === null || b === null ? 'not known' : b < a * (1 - NOISE) ? 'yes' : 'no',
    },
  ];
}

/** The compiled model beside the model before pruning, both as they would be deployed. */
function compiledAnswer(
  { batch, before, compiled }: NonNullable<CompiledReport['latency']>,
  { platform }: Pick<Report, 'platform'>,
): SpeedAnswer {
  const where = `Compiled, one thread of ${platform.cpu ?? 'this machine'}, batch ${batch}`;
  const measured = `${milliseconds(before?.median ?? null)} before, ${milliseconds(compiled.median)} after`;
  if (before === null) return { where, measured, verdict: 'not known' };
  const isNoise = compiled.p10 <= before.p90 && before.p10 <= compiled.p90;
  if (isNoise) return { where, measured, verdict: 'not known: the 10th to 90th percentiles overlap' };
  const times = before.median / compiled.median;
  const verdict = times > 1 ? `yes, ${times.toFixed(1)} times as fast` : `no, ${(1 / times).toFixed(1)} times as slow`;
  return { where, measured, verdict };
}
