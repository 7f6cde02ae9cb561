import type { ChartPoint, XyChart } from '../charts/chart.ts';
import type { WeightDetails } from '../details.ts';

/** Histograms of a layer's weights before and after, or of all layers' together where they share no range: one layer. */
export function histogramChart({ layer, histogram }: WeightDetails): XyChart {
  const { from, to, before, after } = histogram;
  const width = (to - from) / before.length;
  const steps = (counts: readonly number[]): ChartPoint[] => [
    { x: from, y: 0 },
    ...counts.flatMap((y, i) => [
      { x: from + i * width, y },
      { x: from + (i + 1) * width, y },
    ]),
    { x: to, y: 0 },
  ];
  return {
    kind: 'xy',
    id: `weights-${layer}`,
    title: `Weights of ${layer}`,
    x: { label: 'Weight', quantity: 'number' },
    y: { label: 'Weights in a bin', quantity: 'count', fromZero: true },
    series: [
      { name: 'Before', form: 'area', points: steps(before) },
      { name: 'After, nonzero', form: 'area', points: steps(after) },
    ],
  };
}

/** What a pixel of a mask's picture is, in a sentence. */
export function maskSentence({ mask }: WeightDetails): string {
  const { rows, columns, block } = mask;
  const of = `${rows} output channels down, ${columns} weights of each across`;
  return block[0] * block[1] === 1
    ? `${of}; dark = kept.`
    : `${of}; a pixel is a block of ${block[0]} x ${block[1]} weights, darker = more of them kept.`;
}
