// A page that prunes in a worker: nothing is uploaded, and onnxruntime's program comes with the build.
const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const result = document.querySelector('#result') as HTMLElement;

worker.onmessage = ({ data }: MessageEvent<string>) => {
  result.textContent = data;
  result.dataset.done = 'true';
};
