import type { Atom } from '../graph/spaces/atoms.ts';
import { cholesky, invertLower, solve } from '../problem/cholesky.ts';

/** A layer's problem as removals see it: min tr((W - W0) H (W - W0)'), for each group of channels by itself. */
export interface RemovalProblem {
  readonly groups: number;
  readonly outputs: number;
  readonly inputs: number;
  /** [groups, inputs, inputs], positive definite. */
  readonly H: Float64Array;
  /** [groups, outputs, inputs]. */
  readonly W: Float64Array;
  /** Atoms that take each column with them, [groups][inputs]; and each row, [groups][outputs]. */
  readonly columns: readonly (readonly (readonly Atom[])[])[];
  readonly rows: readonly (readonly (readonly Atom[])[])[];
  /** Of the outputs, over all channels. */
  readonly variance: number;
  readonly macsPerWeight: number;
}

/** Removals between two factorisations: the inverse drifts. */
const REFACTOR_AFTER = 64;

/**
 * A layer that loses inputs and outputs. What goes of its inputs is made up for by those that stay.
 *
 *   remove(g) costs 1/2 tr(W_g [(H^-1)_gg]^-1 W_g')       W -= W_g [(H^-1)_gg]^-1 (H^-1)_g,    H^-1 likewise
 *
 * over the rows that stay. Source: OSSCAR, ZipLM; sums over the outputs in units of their variance.
 */
export class LayerState {
  readonly problem: RemovalProblem;
  readonly W: Float64Array;
  readonly aliveColumns: Uint8Array;
  readonly aliveRows: Uint8Array;
  readonly #inverse: Float64Array;
  readonly #columnsOf = new Map<Atom, Int32Array[]>();
  readonly #rowsOf = new Map<Atom, Int32Array[]>();
  readonly #costs = new Map<Atom, number>();
  #removals = 0;

  constructor(problem: RemovalProblem, from?: LayerState) {
    this.problem = problem;
    const { groups, inputs, outputs, H } = problem;
    this.W = (from?.W ?? problem.W).slice();
    this.aliveColumns = from?.aliveColumns.slice() ?? new Uint8Array(groups * inputs).fill(1);
    this.aliveRows = from?.aliveRows.slice() ?? new Uint8Array(groups * outputs).fill(1);
    this.#inverse = from ? from.#inverse.slice() : new Float64Array(H.length);
    if (from === undefined) this.#factor();
    for (const [places, lists, length] of [
      [this.#columnsOf, problem.columns, inputs],
      [this.#rowsOf, problem.rows, outputs],
    ] as const)
      for (const [g, of] of lists.entries())
        for (const atom of new Set(of.flat())) {
          const own = places.get(atom) ?? Array.from({ length: groups }, () => new Int32Array());
          own[g] = Int32Array.from(Array.from({ length }, (_, i) => i).filter((i) => of[i]?.includes(atom)));
          places.set(atom, own);
        }
  }

  /** The same state, to be tried out. */
  copy(): LayerState {
    return new LayerState(this.problem, this);
  }

  /** Whether an atom takes inputs of this layer with it. */
  reads(atom: Atom): boolean {
    return this.#columnsOf.has(atom);
  }

  /** Atoms that take inputs or outputs with them. */
  get atoms(): Set<Atom> {
    return new Set([...this.#columnsOf.keys(), ...this.#rowsOf.keys()]);
  }

  /** Weights that are left: whole, or without an atom. */
  kept(without?: Atom): number {
    const { groups, inputs, outputs } = this.problem;
    let total = 0;
    for (let g = 0; g < groups; g++) {
      const gone = without === undefined ? undefined : this.#columnsOf.get(without)?.[g];
      const lost = without === undefined ? undefined : this.#rowsOf.get(without)?.[g];
      total +=
        (alive(this.aliveColumns, g * inputs, inputs) - aliveAmong(this.aliveColumns, g * inputs, gone)) *
        (alive(this.aliveRows, g * outputs, outputs) - aliveAmong(this.aliveRows, g * outputs, lost));
    }
    return total;
  }

  /** What it costs to lose an atom, as a share of the variance of the outputs. */
  cost(atom: Atom): number {
    if (!this.#columnsOf.has(atom)) return 0;
    const known = this.#costs.get(atom);
    if (known !== undefined) return known;
    let total = 0;
    for (let g = 0; g < this.problem.groups; g++) {
      const columns = this.#alive(atom, g);
      const rows = this.#rowsThatStay(atom, g);
      if (columns.length > 0 && rows.length > 0) total += this.#costOf(g, columns, rows);
    }
    const cost = total / this.problem.variance;
    this.#costs.set(atom, cost);
    return cost;
  }

  /** Takes an atom out. */
  remove(atom: Atom): void {
    const { groups, outputs, inputs } = this.problem;
    if (!this.#columnsOf.has(atom) && !this.#rowsOf.has(atom)) return;
    for (let g = 0; g < groups; g++) {
      for (const row of this.#rowsOf.get(atom)?.[g] ?? []) this.aliveRows[g * outputs + row] = 0;
      const columns = this.#alive(atom, g);
      if (columns.length > 0) this.#eliminate(g, columns);
      for (const column of columns) this.aliveColumns[g * inputs + column] = 0;
    }
    this.#costs.clear();
    if (++this.#removals % REFACTOR_AFTER === 0) this.#factor();
  }

  #alive(atom: Atom, g: number): number[] {
    const at = g * this.problem.inputs;
    return [...(this.#columnsOf.get(atom)?.[g] ?? [])].filter((column) => this.aliveColumns[at + column] === 1);
  }

  #rowsThatStay(atom: Atom, g: number): number[] {
    const { outputs } = this.problem;
    const lost = new Set(this.#rowsOf.get(atom)?.[g] ?? []);
    return Array.from({ length: outputs }, (_, row) => row).filter(
      (row) => this.aliveRows[g * outputs + row] === 1 && !lost.has(row),
    );
  }

  #block(g: number, columns: readonly number[]): Float64Array {
    const { inputs } = this.problem;
    const at = g * inputs * inputs;
    const n = columns.length;
    const block = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        block[i * n + j] = this.#inverse[at + (columns[i] as number) * inputs + (columns[j] as number)] as number;
    return block;
  }

  #costOf(g: number, columns: readonly number[], rows: readonly number[]): number {
    const { outputs, inputs } = this.problem;
    const factor = cholesky(this.#block(g, columns), columns.length);
    if (factor === null) return Number.POSITIVE_INFINITY;
    let total = 0;
    const w = new Float64Array(columns.length);
    for (const row of rows) {
      const at = (g * outputs + row) * inputs;
      for (let i = 0; i < w.length; i++) w[i] = this.W[at + (columns[i] as number)] as number;
      const solved = solve(factor, w);
      for (let i = 0; i < w.length; i++) total += (w[i] as number) * (solved[i] as number);
    }
    return total;
  }

  #eliminate(g: number, columns: readonly number[]): void {
    const { outputs, inputs } = this.problem;
    const factor = cholesky(this.#block(g, columns), columns.length);
    const at = g * inputs * inputs;
    const n = columns.length;
    if (factor !== null) {
      const solvedRows: Float64Array[] = []; // [(H^-1)_gg]^-1 (H^-1)_g,: by columns
      const beside = new Float64Array(n);
      const X = Array.from({ length: n }, () => new Float64Array(inputs));
      for (let j = 0; j < inputs; j++) {
        for (let i = 0; i < n; i++) beside[i] = this.#inverse[at + (columns[i] as number) * inputs + j] as number;
        const solved = solve(factor, beside);
        for (let i = 0; i < n; i++) (X[i] as Float64Array)[j] = solved[i] as number;
      }
      solvedRows.push(...X);
      for (let row = 0; row < outputs; row++) {
        const start = (g * outputs + row) * inputs;
        const own = columns.map((column) => this.W[start + column] as number);
        for (const [i, value] of own.entries()) {
          const X_i = solvedRows[i] as Float64Array;
          if (value !== 0) for (let j = 0; j < inputs; j++) (this.W[start + j] as number) -= value * (X_i[j] as number);
        }
      }
      const before = columns.map((column) => this.#inverse.slice(at + column * inputs, at + (column + 1) * inputs));
      for (let k = 0; k < inputs; k++)
        for (let i = 0; i < n; i++) {
          const value = (before[i] as Float64Array)[k] as number;
          const X_i = solvedRows[i] as Float64Array;
          if (value !== 0)
            for (let j = 0; j < inputs; j++)
              (this.#inverse[at + k * inputs + j] as number) -= value * (X_i[j] as number);
        }
    }
    for (const column of columns) {
      for (let row = 0; row < outputs; row++) this.W[(g * outputs + row) * inputs + column] = 0;
      for (let j = 0; j < inputs; j++) {
        this.#inverse[at + column * inputs + j] = 0;
        this.#inverse[at + j * inputs + column] = 0;
      }
    }
  }

  /** H^-1 over the columns that are left. */
  #factor(): void {
    const { groups, inputs, H } = this.problem;
    for (let g = 0; g < groups; g++) {
      const left = Array.from({ length: inputs }, (_, i) => i).filter((i) => this.aliveColumns[g * inputs + i] === 1);
      const n = left.length;
      const at = g * inputs * inputs;
      const block = new Float64Array(n * n);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++)
          block[i * n + j] = H[at + (left[i] as number) * inputs + (left[j] as number)] as number;
      const factor = cholesky(block, n);
      if (factor === null) continue;
      const inverse = fromLower(invertLower(factor), n);
      this.#inverse.fill(0, at, at + inputs * inputs);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++)
          this.#inverse[at + (left[i] as number) * inputs + (left[j] as number)] = inverse[i * n + j] as number;
    }
  }
}

/** M' M of a lower triangle M. */
function fromLower(M: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let k = 0; k < n; k++)
    for (let i = 0; i <= k; i++) {
      const value = M[k * n + i] as number;
      if (value !== 0) for (let j = 0; j <= k; j++) (result[i * n + j] as number) += value * (M[k * n + j] as number);
    }
  return result;
}

function alive(flags: Uint8Array, at: number, count: number): number {
  let total = 0;
  for (let i = at; i < at + count; i++) total += flags[i] as number;
  return total;
}

function aliveAmong(flags: Uint8Array, at: number, places: Int32Array | undefined): number {
  let total = 0;
  for (const place of places ?? []) total += flags[at + place] as number;
  return total;
}
