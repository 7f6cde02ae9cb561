// Does in a worker thread what perform.node.ts asks for. Its import is a compiled file: where the sources run as they are, the caller does it.

/**
 * @param {{ verbs: string }} setup  address of the compiled verbs
 * @returns the tasks: one for each verb
 */
export async function open({ verbs }) {
  const { verbTasks } = await import(verbs);
  return verbTasks();
}
