import { messageOf, OnnxDecodeError } from '../errors/errors.ts';

/** The bytes behind a URL. @throws OnnxDecodeError if it cannot be fetched */
export async function fetched(url: URL): Promise<Uint8Array> {
  const name = url.protocol === 'data:' ? 'a data: URL' : url.href;
  const refusal = (reason: string, cause?: unknown): OnnxDecodeError =>
    new OnnxDecodeError(`Cannot read the model "${name}": ${reason}`, { fields: { url: name }, cause });
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw refusal(`it cannot be fetched: ${messageOf((cause as Error).cause ?? cause)}`, cause);
  }
  if (!response.ok) throw refusal(`the server answers ${response.status} ${response.statusText}`.trim());
  return new Uint8Array(await response.arrayBuffer());
}
