import { type Kernels, scalarKernels } from './scalar.ts';
import { hasSimd, simdKernels } from './simd-kernels.ts';

/** The fastest kernels that run here. */
export const kernels: Kernels = hasSimd ? simdKernels : scalarKernels;
