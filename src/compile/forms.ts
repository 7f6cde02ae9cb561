/** Instructions that a compiled model uses; `auto`: both in the file, chosen when it is loaded. */
export const TARGETS = ['simd', 'relaxed-simd', 'auto'] as const;

/** One of {@link TARGETS}. */
export type Target = (typeof TARGETS)[number];

/** How weights are stored in the file; they are f32 when they are computed with. */
export const WEIGHT_FORMS = ['f32', 'f16', 'int8'] as const;

/** One of {@link WEIGHT_FORMS}. */
export type WeightForm = (typeof WEIGHT_FORMS)[number];
