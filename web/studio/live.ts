import type { RunEvent } from '../../src/progress/events.ts';

type Of<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

/** What the events of a run say up to now. */
export interface Live {
  readonly progress: Of<'progress'> | null;
  /** Sample gradients a second, as last seen. */
  readonly gradients: number | null;
  readonly stages: readonly Of<'stage'>[];
  readonly epochs: readonly Of<'epoch'>[];
  /** Runs of a sweep. */
  readonly cells: readonly Of<'cell'>[];
  readonly accuracy: { readonly before: number | null; readonly latest: number | null };
  readonly messages: readonly { readonly kind: 'warning' | 'note' | 'failure'; readonly text: string }[];
  readonly end: number | null;
}

/** Before the first event. */
export const NOTHING_YET: Live = {
  progress: null,
  gradients: null,
  stages: [],
  epochs: [],
  cells: [],
  accuracy: { before: null, latest: null },
  messages: [],
  end: null,
};

/** Messages that are kept. */
const MOST_MESSAGES = 200;

/** The state after one more event. A run that was begun anew, or went on from a state, tells of some stages again: the last word counts. */
export function after(live: Live, event: RunEvent): Live {
  switch (event.type) {
    case 'start':
      return { ...live, progress: null, end: null, cells: [] };
    case 'progress': {
      const gradients = event.step.endsWith('gradients') ? (event.perSecond ?? live.gradients) : live.gradients;
      return { ...live, progress: event, gradients };
    }
    case 'stage':
      return {
        ...live,
        stages: [...live.stages.filter(({ stage }) => stage < event.stage), event],
        accuracy: { ...live.accuracy, latest: event.accuracy },
      };
    case 'epoch':
      return { ...live, epochs: [...live.epochs.filter(({ epoch }) => epoch < event.epoch), event] };
    case 'cell':
      return { ...live, cells: [...live.cells, event], accuracy: { ...live.accuracy, latest: event.accuracy } };
    case 'accuracy': {
      const before = event.of === 'before' ? event.accuracy : live.accuracy.before;
      return { ...live, accuracy: { before, latest: event.of === 'before' ? live.accuracy.latest : event.accuracy } };
    }
    case 'warning':
    case 'note':
    case 'failure':
      return { ...live, messages: [...live.messages, { kind: event.type, text: event.message }].slice(-MOST_MESSAGES) };
    case 'end':
      return { ...live, end: event.code, progress: null };
    default:
      return live;
  }
}
