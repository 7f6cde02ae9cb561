import { reasonOf } from '../files/reason.ts';
import { toolFacts } from '../report/surroundings.node.ts';
import { EXIT, failureOf } from './exit-codes.ts';
import type { Io } from './io.ts';
import { run } from './run.ts';
import { type Output, outputOf } from './stream-output.node.ts';

/** Runs the command line of this process, and sets its exit code. */
export async function start(): Promise<void> {
  const signal = stopSignal();
  const [out, err] = [process.stdout, process.stderr].map(outputOf) as [Output, Output];
  process.on('uncaughtException', (thrown) => {
    const { code, sentence } = failureOf(thrown, signal);
    err.write(`coppice: ${sentence}\n`);
    process.exit(code);
  });
  const io: Io = {
    out: out.write,
    err: err.write,
    terminal: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80,
    outColumns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
    env: process.env,
    signal,
  };
  const code = await run(process.argv.slice(2), io, toolFacts().version);
  const failure = await out.failure();
  if (failure === null) {
    process.exitCode = code;
    return;
  }
  err.write(`coppice: Cannot print the result: ${reasonOf(failure, 'read')}\n`);
  process.exitCode = code === EXIT.ok ? EXIT.unfinished : code;
}

/** Fires at the first Ctrl-C, when the process is asked to end, or its terminal is closed; the second Ctrl-C ends it at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  });
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort());
  return controller.signal;
}
