import { OnnxDecodeError } from '../errors/errors.ts';

/** One word of the text notation. A `string` keeps its quotation marks; `end` closes the stream. */
export interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'sign' | 'end';
  readonly text: string;
  readonly at: number;
}

const SPACE = /(?:\s+|\/\/[^\n]*)+/y;
const NUMBER = /[-+]?(?:inf|nan|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?![\w.~])/iy;
const NAME = /[A-Za-z_](?:[\w.~-]|\/(?!\/))*/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const SIGN = /\.\.\.|[:=,@?(){}[\]]/y;

/** Splits text into words and reads them one by one. */
export class Tokens {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  /** @throws OnnxDecodeError at a character that begins no word */
  constructor(text: string) {
    this.#text = text;
    this.#tokens = [...this.#split(text)];
  }

  *#split(text: string): Generator<Token> {
    let at = 0;
    while (at < text.length) {
      const space = matchAt(SPACE, text, at);
      if (space !== undefined) at += space.length;
      if (at >= text.length) break;
      const token = wordAt(text, at);
      if (token === undefined) throw this.#error(`"${text[at]}" begins no word`, at);
      at += token.text.length;
      yield token;
    }
    yield { kind: 'end', text: 'the end of the text', at: text.length };
  }

  /** The word to come. */
  get peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  /** Whether the word to come is this sign or bare name. */
  is(text: string): boolean {
    return (this.peek.kind === 'sign' || this.peek.kind === 'name') && this.peek.text === text;
  }

  /** Takes the word to come if it is this sign or bare name. */
  take(text: string): boolean {
    const found = this.is(text);
    if (found) this.#next++;
    return found;
  }

  /** Takes a sign. @throws OnnxDecodeError if another word comes */
  expect(text: string): void {
    if (!this.take(text)) throw this.wanted(`"${text}"`);
  }

  /** Takes a word of one of these kinds. @throws OnnxDecodeError if another comes */
  word(what: string, ...kinds: readonly Token['kind'][]): string {
    if (!kinds.includes(this.peek.kind)) throw this.wanted(what);
    const { kind, text, at } = this.peek;
    this.#next++;
    if (kind !== 'string') return text;
    try {
      return JSON.parse(text) as string;
    } catch (cause) {
      throw this.#error(`${text} is not a quoted string`, at, cause);
    }
  }

  /** The error that something else was wanted here. */
  wanted(what: string): OnnxDecodeError {
    return this.#error(
      `wanted ${what}, found ${this.peek.kind === 'end' ? this.peek.text : `"${this.peek.text}"`}`,
      this.peek.at,
    );
  }

  #error(problem: string, at: number, cause?: unknown): OnnxDecodeError {
    const before = this.#text.slice(0, at).split('\n');
    const [line, column] = [before.length, (before.at(-1) ?? '').length + 1];
    return new OnnxDecodeError(`Cannot read the model text at line ${line}, column ${column}: ${problem}`, {
      fields: { line, column },
      cause,
    });
  }
}

function wordAt(text: string, at: number): Token | undefined {
  const number = matchAt(NUMBER, text, at);
  if (number !== undefined) return { kind: 'number', text: number, at };
  const name = matchAt(NAME, text, at);
  if (name !== undefined) return { kind: 'name', text: name, at };
  const string = matchAt(STRING, text, at);
  if (string !== undefined) return { kind: 'string', text: string, at };
  const sign = matchAt(SIGN, text, at);
  return sign === undefined ? undefined : { kind: 'sign', text: sign, at };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Whether a name can stand without quotation marks. */
export function isBareName(name: string): boolean {
  return matchAt(NAME, name, 0) === name && matchAt(NUMBER, name, 0) === undefined;
}
