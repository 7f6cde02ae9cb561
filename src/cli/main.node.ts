#!/usr/bin/env node
// Loads the program, so that a failure to load it is a sentence too: modules of Node alone are loaded before.
try {
  const { start } = await import('./start.node.ts');
  await start();
} catch (thrown) {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  process.stderr.write(`coppice: Cannot start: ${message.split('\n')[0]}\n`);
  process.exitCode = 2;
}
