/** Bytes of data files made up for tests. */

/** An IDX file: type code, dimensions, elements as bytes in the file's order. */
export function idxBytes(type: number, dims: readonly number[], body: readonly number[]): Uint8Array {
  const sizes = dims.flatMap((d) => [d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]);
  return Uint8Array.from([0, 0, type, dims.length, ...sizes, ...body]);
}

/** CIFAR-10 binary rows; pixel p of row r is (r * 7 + p) mod 251. */
export function cifarBytes(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  labels.forEach((label, r) => {
    bytes[r * 3073] = label;
    for (let p = 0; p < 3072; p++) bytes[r * 3073 + 1 + p] = (r * 7 + p) % 251;
  });
  return bytes;
}

/** A numpy file with this header dict, in the given format version. */
export function npyWithHeader(dict: string, body: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${dict}\n`);
  const length = new Uint8Array(version === 1 ? 2 : 4);
  new DataView(length.buffer).setUint16(0, text.length, true);
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), version, 0, ...length, ...text, ...body]);
}

/** A little-endian, row-major numpy file. */
export function npyBytes(descr: string, dims: readonly number[], data: ArrayBufferView): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(', ');
  const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return npyWithHeader(`{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`, body);
}
