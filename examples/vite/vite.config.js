// Nothing has to be set up but the form of the worker: onnxruntime's .wasm is found by its own import.
export default { base: './', worker: { format: 'es' }, build: { target: 'es2022' } };
