import { type Code, TYPE, type WasmFunction } from '../../wasm/assembler.ts';
import type { Scratch } from '../expression/transcendental.ts';

/** Counts the locals of a function while its body is written. */
export class FunctionBuilder implements Scratch {
  readonly #parameters: number;
  readonly #types: number[] = [];

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local for a whole number or an address. */
  i32(): number {
    return this.#add(TYPE.i32);
  }

  /** A new local for a vector. */
  v128(): number {
    return this.#add(TYPE.v128);
  }

  /** A new local for a float. */
  f32(): number {
    return this.#add(TYPE.f32);
  }

  fresh(): number {
    return this.v128();
  }

  #add(type: number): number {
    this.#types.push(type);
    return this.#parameters + this.#types.length - 1;
  }

  /** The finished function. */
  build(body: Code): WasmFunction {
    const locals: [number, number][] = [];
    for (const type of this.#types) {
      const last = locals.at(-1);
      if (last?.[1] === type) last[0]++;
      else locals.push([1, type]);
    }
    return { name: '', parameters: this.#parameters, locals, body };
  }
}
