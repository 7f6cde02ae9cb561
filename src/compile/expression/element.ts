/** Elements in the memory of a compiled model: 32 bits each. Integers of any width and booleans are i32. */
export type Element = 'f32' | 'i32';
