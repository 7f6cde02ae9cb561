import { z } from 'zod';
import { OptionError } from '../../errors/errors.ts';
import { formOf } from '../../methods/form.ts';
import { METHOD_NAMES, METHODS, takesCompute } from '../../methods/list.ts';
import { type DocumentName, documentAddress } from './document-address.node.ts';
import { streamEvents } from './event-stream.node.ts';
import type { Answer, Asked } from './exchange.node.ts';
import { Planner } from './preview.node.ts';
import type { Runs } from './runs.node.ts';
import { previewRequestSchema, previewSchema, runRequestSchema, runSummarySchema } from './schema.ts';
import { upload } from './uploads.node.ts';

/** What a route has at hand besides what was asked. */
interface Place {
  readonly names: readonly string[];
  readonly token: string;
}

type Route = (asked: Asked, runs: Runs, place: Place) => Promise<Answer | null>;

const NAME = '([A-Za-z0-9][A-Za-z0-9._-]*)';

/** One for all pages: they mostly show the same model. */
const PLANNER = new Planner();

/** The routes by method and path. */
const ROUTES: readonly [method: string, path: RegExp, route: Route][] = [
  ['GET', /^\/api\/runs$/, async (_, runs) => json(z.array(runSummarySchema), await runs.list())],
  [
    'POST',
    /^\/api\/runs$/,
    async (asked, runs) => json(started, { id: await runs.start(await body(asked, runRequestSchema)) }),
  ],
  [
    'GET',
    new RegExp(`^/api/runs/${NAME}$`),
    async (_, runs, { names: [id = ''] }) => json(runSummarySchema, await runs.summary(id)),
  ],
  ['POST', new RegExp(`^/api/runs/${NAME}/stop$`), async (_, runs, { names: [id = ''] }) => runs.stop(id).then(done)],
  [
    'POST',
    new RegExp(`^/api/runs/${NAME}/resume$`),
    async (_, runs, { names: [id = ''] }) => runs.resume(id).then(done),
  ],
  [
    'GET',
    new RegExp(`^/api/runs/${NAME}/events$`),
    async (asked, runs, { names: [id = ''] }) => streamEvents(asked, runs, id),
  ],
  [
    'GET',
    new RegExp(`^/runs/${NAME}/${NAME}$`),
    async (_, runs, { names: [id = '', name = ''], token }) => file(runs, { id, name }, token),
  ],
  ['GET', /^\/api\/methods$/, async () => json(methodList, methods())],
  [
    'POST',
    /^\/api\/preview$/,
    async (asked) => json(previewSchema, await PLANNER.plan(await body(asked, previewRequestSchema))),
  ],
  ['POST', /^\/api\/models$/, async (asked, runs) => json(place, { path: await upload(asked, runs) })],
];

const started = z.object({ id: z.string() });
const place = z.object({ path: z.string() });
const methodList = z.array(
  z.object({
    name: z.string(),
    summary: z.string(),
    needs: z.object({ data: z.boolean(), gradients: z.boolean() }),
    trains: z.boolean(),
    fields: z.array(
      z.object({
        name: z.string(),
        description: z.string(),
        kind: z.enum(['count', 'whole', 'number', 'amount', 'choice', 'yes-no']),
        choices: z.array(z.string()),
        default: z.union([z.number(), z.string(), z.boolean()]).nullable(),
        isCommon: z.boolean(),
      }),
    ),
  }),
);

/** Answers a request; null where the answer is sent already, piece by piece. */
export async function answerOf(asked: Asked, runs: Runs, token: string): Promise<Answer | null> {
  const matching = ROUTES.flatMap(([method, path, route]) => {
    const found = path.exec(asked.path);
    return found === null ? [] : [{ method, route, names: found.slice(1) }];
  });
  const chosen = matching.find(({ method }) => method === asked.method);
  if (chosen !== undefined) return chosen.route(asked, runs, { names: chosen.names, token });
  const status = matching.length > 0 ? 405 : 404;
  return { status, type: 'application/json', body: JSON.stringify({ message: 'There is nothing at this address.' }) };
}

function json<T extends z.ZodType>(schema: T, value: z.input<T>): Answer {
  return { status: 200, type: 'application/json', body: JSON.stringify(schema.parse(value)) };
}

function done(): Answer {
  return { status: 200, type: 'application/json', body: '{}' };
}

function methods(): z.infer<typeof methodList> {
  return METHOD_NAMES.map((name) => {
    const { fields, ...form } = formOf(METHODS[name]);
    return {
      ...form,
      trains: takesCompute(METHODS[name]),
      fields: fields.map((field) => ({ ...field, choices: [...field.choices] })),
    };
  });
}

/** Bytes of a form at most. */
const MOST_BODY = 1 << 16;
/** Milliseconds that it may take. */
const BODY_MS = 10_000;

async function body<T extends z.ZodType>({ request }: Asked, schema: T): Promise<z.output<T>> {
  if (!/^application\/json *(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new OptionError('Cannot read the request: wanted JSON');
  const chunks: Buffer[] = [];
  let size = 0;
  const slow = setTimeout(() => request.destroy(), BODY_MS);
  try {
    for await (const chunk of request) {
      size += (chunk as Buffer).length;
      if (size > MOST_BODY) throw new OptionError('Cannot read the request: it is too long');
      chunks.push(chunk as Buffer);
    }
  } finally {
    clearTimeout(slow);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new OptionError('Cannot read the request: it is no JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'custom') throw new OptionError(issue.message);
  throw new OptionError(`Cannot use ${issue?.path.join('.') || 'the request'}: ${issue?.message ?? 'not as wanted'}`);
}

/** A file of a run; a page is sent to an address of its own, where it can do nothing. */
async function file(runs: Runs, document: DocumentName, token: string): Promise<Answer> {
  const found = await runs.file(document.id, document.name);
  if (!found.type.startsWith('text/html')) return found;
  if (typeof found.body !== 'string') found.body.destroy(); // it closes its file
  return { status: 302, type: 'text/plain', body: '', headers: { location: documentAddress(token, document) } };
}
