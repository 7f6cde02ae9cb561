import { chita, prune, readModel, sparsity, writeModel, writeReport } from '../src/index.ts';

const model = await readModel('examples/digits/model.onnx');

const { model: pruned, report } = await prune(model, {
  data: 'npz:examples/digits/train.npz', // samples for the gradients
  evaluation: 'npz:examples/digits/test.npz', // samples for accuracy, before and after
  preprocess: { scale: '1/255' },
  samples: 300,
  solver: chita(),
  budget: sparsity(0.9),
});

await writeModel('digits-90.onnx', pruned);
await writeReport('digits-90', report); // report.json and report.html
