/** What onnxruntime can run models on: the processor, a GPU by way of WebGPU, an NVIDIA GPU by way of CUDA. */
export const DEVICES = ['cpu', 'webgpu', 'cuda'] as const;

/** One of {@link DEVICES}. */
export type Device = (typeof DEVICES)[number];

/** A device, or `auto`: the one that computes a small graph right and fastest. */
export type Provider = Device | 'auto';

/** What may be asked for. */
export const PROVIDERS: readonly Provider[] = [...DEVICES, 'auto'];
