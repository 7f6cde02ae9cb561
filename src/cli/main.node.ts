#!/usr/bin/env node
import { toolFacts } from '../report/surroundings.node.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { run } from './run.ts';

const controller = new AbortController();
process.on('SIGINT', () => {
  if (controller.signal.aborted) process.exit(EXIT.interrupted);
  controller.abort();
});
process.on('SIGTERM', () => controller.abort());
// The reader of a pipe may leave early (head, less).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

const io: Io = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: process.stderr.isTTY === true,
  columns: process.stderr.columns ?? 80,
  outColumns: process.stdout.isTTY === true ? process.stdout.columns : undefined,
  env: process.env,
  signal: controller.signal,
};

process.exitCode = await run(process.argv.slice(2), io, toolFacts().version);
