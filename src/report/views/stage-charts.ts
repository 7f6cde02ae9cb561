import type { Axis, XyChart } from '../charts/chart.ts';
import type { Report } from '../report.ts';

const LOSS: Axis = { label: 'Loss, nats', quantity: 'number' };
const ACCURACY: Axis = { label: 'Accuracy', quantity: 'share' };

/** The charts of a run's stages and of its training; none for a run of one step. */
export function stageCharts(report: Report): XyChart[] {
  return [...prunings(report), ...training(report), ...trials(report)];
}

function prunings({ stages, accuracy }: Report): XyChart[] {
  if (stages.length < 2) return [];
  const x: Axis = { label: 'Stage', quantity: 'number', whole: true };
  const along = (of: (stage: Report['stages'][number]) => number | null) =>
    stages.flatMap((stage, i) => {
      const y = of(stage);
      return y === null ? [] : [{ x: i + 1, y }];
    });
  const judged = along((stage) => stage.accuracy);
  const losses = along((stage) => stage.loss);
  const rows = stages[0]?.accuracyRows ?? 0;
  const sparsity: XyChart = {
    kind: 'xy',
    id: 'stages-sparsity',
    title: 'Sparsity and accuracy, stage by stage',
    x,
    y: { label: 'Share', quantity: 'share' },
    series: [
      { name: 'Sparsity', form: 'line', points: along((stage) => stage.sparsity) },
      ...(judged.length === 0
        ? []
        : [{ name: `Accuracy on ${rows} evaluation rows`, form: 'line' as const, points: judged }]),
    ],
    ...(accuracy.before !== null && {
      lines: [{ axis: 'y' as const, value: accuracy.before, label: 'Accuracy of the dense model' }],
    }),
  };
  const ridges = along((stage) => stage.lambda ?? null);
  const ridge: XyChart = {
    kind: 'xy',
    id: 'stages-lambda',
    title: 'Ridge that each stage chose',
    x,
    y: { label: 'Ridge lambda', quantity: 'number', log: true },
    series: [{ name: 'Ridge', form: 'line', points: ridges }],
  };
  const chosen = ridges.length === 0 ? [] : [ridge];
  if (losses.length === 0) return [sparsity, ...chosen];
  const loss: XyChart = {
    kind: 'xy',
    id: 'stages-loss',
    title: 'Loss on the gradient samples, before each stage',
    x,
    y: LOSS,
    series: [{ name: 'Loss', form: 'line', points: losses }],
  };
  return [sparsity, loss, ...chosen];
}

/** What the options of a run keep of its training and of its trials. */
interface Kept {
  readonly training?: { readonly epochs?: readonly Epoch[] } | null;
  readonly tuned?: { readonly trials: readonly { lambda: number; accuracy: number | null }[] } | null;
  readonly search?: {
    readonly dense: number;
    readonly maxDrop: number;
    readonly trials: readonly { sparsity: number; accuracy: number; accepted: boolean }[];
  } | null;
}

interface Epoch {
  readonly epoch: number;
  readonly loss: number;
  readonly rate: number;
  /** On the training rows. */
  readonly accuracy?: number | null;
  readonly pruning?: number;
}

/** Loss and learning rate over the epochs of a gradual run. */
function training({ asked }: Report): XyChart[] {
  const { epochs = [] } = (asked.options as Kept).training ?? {};
  if (epochs.length < 2) return [];
  const x: Axis = { label: 'Epoch', quantity: 'number', whole: true };
  const starts = epochs.filter(({ pruning }, i) => i > 0 && pruning !== epochs[i - 1]?.pruning);
  const lines = starts.slice(0, 1).map((first) => ({ axis: 'x' as const, value: first.epoch, label: 'Pruned again' }));
  const more = starts.slice(1).map((start) => ({ axis: 'x' as const, value: start.epoch, label: '' }));
  const over = (id: string, title: string, y: Axis, of: (one: Epoch) => number): XyChart => ({
    kind: 'xy',
    id,
    title,
    x,
    y,
    series: [
      { name: y.label, form: 'line', points: epochs.map((one) => ({ x: one.epoch, y: of(one), note: noteOf(one) })) },
    ],
    lines: [...lines, ...more],
  });
  const judged = epochs.every(({ accuracy }) => typeof accuracy === 'number');
  return [
    ...(judged
      ? [over('training-accuracy', 'Accuracy on the training rows', ACCURACY, (one) => one.accuracy as number)]
      : []),
    over('training-loss', 'Training loss', LOSS, ({ loss }) => loss),
    over(
      'training-rate',
      'Learning rate',
      { label: 'Learning rate', quantity: 'number', fromZero: true },
      (one) => one.rate,
    ),
  ];
}

function noteOf({ pruning }: Epoch): string {
  return pruning === undefined ? 'training' : `after pruning ${pruning}`;
}

/** What was tried to choose lambda, or the sparsity. */
function trials({ asked }: Report): XyChart[] {
  const { tuned, search } = asked.options as Kept;
  const charts: XyChart[] = [];
  if (tuned)
    charts.push({
      kind: 'xy',
      id: 'trials-lambda',
      title: 'Accuracy on held-out rows by ridge',
      x: { label: 'Ridge lambda', quantity: 'number', log: true },
      y: ACCURACY,
      series: [
        {
          name: 'Held-out rows',
          form: 'line',
          points: tuned.trials.flatMap(({ lambda, accuracy }) =>
            accuracy === null ? [] : [{ x: lambda, y: accuracy }],
          ),
        },
      ],
    });
  if (search) {
    const { dense, maxDrop, trials: tried } = search;
    const points = (isAccepted: boolean) =>
      tried
        .filter(({ accepted }) => accepted === isAccepted)
        .map(({ sparsity, accuracy }) => ({ x: sparsity, y: accuracy, strong: isAccepted }));
    charts.push({
      kind: 'xy',
      id: 'trials-sparsity',
      title: 'Trials of the search for the smallest model',
      x: { label: 'Sparsity', quantity: 'share' },
      y: ACCURACY,
      series: [
        { name: 'Accepted', form: 'points', points: points(true) },
        { name: 'Too much lost', form: 'points', points: points(false) },
      ],
      lines: [{ axis: 'y', value: dense - maxDrop, label: 'Least accuracy that was accepted' }],
    });
  }
  return charts;
}
