// Tasks that the executors' tests run. It takes a while to load, so that pools are closed meanwhile.

/** @param {{ failing?: boolean } | undefined} setup */
export async function open(setup) {
  if (setup?.failing) throw Object.assign(new RangeError('nothing opens'));
  await import('node:zlib');
  return {
    double: (x) => 2 * x,
    fail: ({ name, code, message, fields }) => {
      throw Object.assign(new Error(message), {
        code,
        fields,
        toJSON: () => ({ name, code, message, fields }),
      });
    },
    crash: () => process.exit(3),
    stumble: () =>
      new Promise(() => {
        setTimeout(() => {
          throw new Error('out of something');
        });
      }),
    wait: async (ms, { signal }) => {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      signal.throwIfAborted();
      return 'waited';
    },
    add: async (x, { ask }) => x + (await ask('how much?')),
    sum: (numbers) => ({ value: numbers.map((x) => x + 1), coppiceMoves: [] }),
  };
}
