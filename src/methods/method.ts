import type { z } from 'zod';
import type { Job, Outcome } from '../pruning/job.ts';
import type { MethodOption, MethodOptions, Settled } from '../pruning/method-options.ts';

/** What a method has to be given. */
export interface Needs {
  /** Whether it reads data. */
  readonly data: boolean;
  /** Whether it works on gradient rows. */
  readonly gradients: boolean;
}

/**
 * A pruning method: what it is called, what may be set, what it needs, and what it does. One file of this folder each; everything that
 * lists or asks for methods (command line, config files, forms, sweeps, documents) goes by these.
 */
export interface Method {
  readonly name: string;
  /** One line, as help texts and tables have it. */
  readonly summary: string;
  readonly needs: Needs;
  /** Its options with their defaults, out of METHOD_OPTIONS. */
  readonly options: z.ZodObject;
  /** Defaults in the place of its own where the method is wanted as it was published. */
  readonly published: MethodOptions;
  /** Settles what depends on other options. @throws OptionError for options that cannot be together */
  settle(filled: object, given: MethodOptions): Partial<Settled>;
  /** Prunes the layers of a job, which has the options of the schema. */
  run(job: Job<MethodOption>): Promise<Outcome>;
}

/** Names of the options in a schema. */
type Names<Shape> = keyof Shape & MethodOption;

/** A method as its file writes it. */
interface Definition<Shape extends z.ZodRawShape> extends Pick<Method, 'name' | 'summary' | 'needs'> {
  readonly options: z.ZodObject<Shape>;
  /** Default: none that differ. */
  readonly published?: MethodOptions;
  /** Default: the options as they are. */
  settle?(filled: z.output<z.ZodObject<Shape>>, given: MethodOptions): Settled<Names<Shape>>;
  run(job: Job<Names<Shape>>): Promise<Outcome>;
}

/** Makes a method, typed by its own options. */
export function method<Shape extends z.ZodRawShape>({
  options,
  settle,
  run,
  published = {},
  ...facts
}: Definition<Shape>): Method {
  return {
    ...facts,
    published,
    options,
    settle: (filled, given) => (settle === undefined ? filled : settle(filled as z.output<z.ZodObject<Shape>>, given)),
    run: (job) => run(job as Job<Names<Shape>>),
  };
}

/** What an option of a method is where nothing is given; undefined for an option that it does not have. */
export function defaultOf({ options }: Method, name: MethodOption): unknown {
  return (options.parse({}) as Partial<Record<MethodOption, unknown>>)[name];
}
