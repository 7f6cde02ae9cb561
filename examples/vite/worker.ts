import { chita, modelBytes, prune, sparsity } from 'coppice/web';

// Three clouds of points, and a model that was trained on nothing: whatever it is, it can be pruned.
const rows = Array.from({ length: 90 }, (_, i) => ({
  x: Array.from({ length: 8 }, (_, j) => Math.sin(7 * i + 3 * j) + (i % 3 === j % 3 ? 2 : 0)),
  label: i % 3,
}));

try {
  const { model, report } = await prune(new URL('./model.onnx', import.meta.url), {
    data: rows,
    evaluation: rows,
    solver: chita(),
    budget: sparsity(0.75),
    samples: 90,
  });
  postMessage(`${report.nonzeros} of ${report.prunable} weights are left, in ${modelBytes(model).length} bytes`);
} catch (error) {
  postMessage(`failed: ${error instanceof Error ? error.message : error}`);
}
