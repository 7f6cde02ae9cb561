/** Models of more bytes are not compressed to be measured: it would take longer than to prune them. */
export const MOST_COMPRESSED = 2 ** 28;
