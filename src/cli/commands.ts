import type { Command } from 'commander';
import type { Context } from './context.ts';

/** What a file of commands/ exports. */
export interface CommandModule {
  /** Adds the command's flags and help; defaults come from the library's tables. */
  define(command: Command): void;
  /** Does it. @returns the exit code */
  act(context: Context, models: readonly string[], command: Command): Promise<number>;
}

/** Names of the commands. */
export type CommandName =
  | 'inspect'
  | 'plan'
  | 'sensitivity'
  | 'prune'
  | 'run'
  | 'finetune'
  | 'resume'
  | 'eval'
  | 'compare'
  | 'sweep'
  | 'compile'
  | 'report'
  | 'studio';

/** A command before its file is loaded. */
export interface CommandEntry {
  readonly argument: string;
  /** What the argument is; default an ONNX file. */
  readonly what?: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

/** The commands; their files are loaded when they are called, so that `coppice --help` stays quick. */
export const COMMANDS: Readonly<Record<CommandName, CommandEntry>> = {
  inspect: {
    argument: '<model>',
    summary: 'list layers, shapes, weights and what can be pruned',
    load: () => import('./commands/inspect.ts'),
  },
  plan: {
    argument: '<model>',
    summary: 'what prune would keep of each layer, without solving',
    load: () => import('./commands/plan.ts'),
  },
  sensitivity: {
    argument: '<model>',
    summary: 'prune one layer at a time: which ones bear it',
    load: () => import('./commands/sensitivity.ts'),
  },
  prune: {
    argument: '<model>',
    summary: 'prune a model and report what it cost',
    load: () => import('./commands/prune.ts'),
  },
  run: {
    argument: '<recipe> <model>',
    what: 'JSON of a recipe, or a report with one; and the model',
    summary: 'apply the steps of a recipe to a model: prune, recalibrate, finetune',
    load: () => import('./commands/run.ts'),
  },
  finetune: {
    argument: '<model>',
    summary: 'train a pruned model on, its zeros kept',
    load: () => import('./commands/finetune.ts'),
  },
  resume: {
    argument: '<folder>',
    what: "folder of an unfinished run's state",
    summary: 'go on with an interrupted run of prune --gradual or finetune',
    load: () => import('./commands/resume.ts'),
  },
  eval: {
    argument: '<model>',
    summary: 'measure accuracy, loss, nonzeros, size and latency',
    load: () => import('./commands/eval.ts'),
  },
  compare: {
    argument: '<models...>',
    summary: 'measure models side by side on the same data',
    load: () => import('./commands/compare.ts'),
  },
  sweep: {
    argument: '<model>',
    summary: 'prune by several methods to several sparsities: one table',
    load: () => import('./commands/sweep.ts'),
  },
  compile: {
    argument: '<model>',
    summary: 'turn a pruned model into a small WebAssembly program that runs its nonzero weights alone',
    load: () => import('./commands/compile.ts'),
  },
  report: {
    argument: '<folder>',
    what: 'folder that --report was given, or a JSON file of it',
    summary: 'a report again, as a page, as Markdown with SVG charts, or as data',
    load: () => import('./commands/report.ts'),
  },
  studio: {
    argument: '[folder]',
    what: 'folder of the runs (default: coppice-runs)',
    summary: 'a local web page: start runs, watch them, compare them',
    load: () => import('./commands/studio.ts'),
  },
};
