const GZIP = [0x1f, 0x8b];

const SIGNATURES: readonly (readonly [string, readonly number[]])[] = [
  ['a gzip file', GZIP],
  ['a zip file', [0x50, 0x4b, 0x03, 0x04]],
  ['a numpy array', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  ['an xz file', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['a PNG picture', [0x89, 0x50, 0x4e, 0x47]],
  ['a JPEG picture', [0xff, 0xd8, 0xff]],
  ['a Python pickle', [0x80, 0x04, 0x95]],
];

/** Whether bytes begin as a gzip file does. */
export function isGzip(bytes: Uint8Array): boolean {
  return startsWith(bytes, GZIP);
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}

/** What bytes that were expected to be something else look like, for error messages: "it is a zip file" or "". */
export function looksLike(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty';
  for (const [what, signature] of SIGNATURES) {
    if (startsWith(bytes, signature)) return `it is ${what}`;
  }
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 64)).trimStart().toLowerCase();
  if (text.startsWith('<!doctype') || text.startsWith('<html')) return 'it is an HTML page';
  if (text.startsWith('version https://git-lfs')) return 'it is a git-lfs pointer, not the file itself';
  return `it begins with the bytes ${[...bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, '0')).join(' ')}`;
}
