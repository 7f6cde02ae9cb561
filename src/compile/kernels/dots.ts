import { type Code, op, simd, type WasmFunction } from '../../wasm/assembler.ts';
import { vec } from '../../wasm/vectors.ts';
import type { Dots } from '../schedule/step.ts';
import { expressionCode } from './expression-code.ts';
import { FunctionBuilder } from './function-builder.ts';
import { type Dialect, entriesUntil, multiplyAdd } from './sums.ts';

const { get, set } = op;
const step = (local: number, bytes: number): Code => set(local, op.add(get(local), op.i32(bytes)));
const address = (x: number, at: number, offset: number): Code => op.add(get(x), op.loadI32(get(at), offset));

/** Sums that one output is split into, so that each addition need not wait for the one before. */
const CHAINS = 4;

/**
 * Code of a sparse matrix times a vector. Parameters: addresses of x, of the output and of the table; then for each value beside the
 * sum how many bytes behind the output it lies, or its address. Blocks of four outputs lie in the lanes of a vector.
 */
export function dotsFunction(dots: Dots, dialect: Dialect): WasmFunction {
  const builder = new FunctionBuilder(3 + dots.beside.length);
  const { outputs, share } = dots.table;
  const sum = builder.v128();
  const body = [
    share === 1 ? rowSum(builder, sum) : blockSum(builder, sum, dialect),
    store(dots, builder, sum),
    step(1, 4 * dots.out.stride * share),
    dots.beside.map(({ per }, i) => (per === 'output' ? step(3 + i, 4 * share) : [])),
  ];
  return builder.build(op.repeat(builder.i32(), outputs / share, body));
}

/** bias + sum of weight * x[offset], in scalars: entries of 8 bytes. */
function rowSum(builder: FunctionBuilder, sum: number): Code {
  const [end, stop] = [builder.i32(), builder.i32()];
  const chains = Array.from({ length: CHAINS }, () => builder.f32());
  const entry = (chain: number, offset: number): Code =>
    set(chain, op.addF32(get(chain), op.mulF32(op.loadF32(address(0, 2, offset)), op.loadF32(get(2), offset + 4))));
  const [a, b, c, d] = chains.map(get) as [Code, Code, Code, Code];
  return [
    set(end, op.loadI32(get(2))),
    set(chains[0] as number, op.loadF32(get(2), 4)),
    chains.slice(1).map((chain) => set(chain, [0x43, 0, 0, 0, 0])),
    step(2, 8),
    // whole rounds end where what is left is less than one
    set(stop, op.add(get(2), op.and(op.sub(get(end), get(2)), op.i32(-8 * CHAINS)))),
    entriesUntil(2, get(stop), [chains.map((chain, i) => entry(chain, 8 * i)), step(2, 8 * CHAINS)]),
    entriesUntil(2, get(end), [entry(chains[0] as number, 0), step(2, 8)]),
    set(sum, vec.splat(op.addF32(op.addF32(a, b), op.addF32(c, d)))),
  ];
}

/** The same for four outputs in the lanes of a vector: entries of 20 bytes. */
function blockSum(builder: FunctionBuilder, sum: number, dialect: Dialect): Code {
  const [end, stop, other] = [builder.i32(), builder.i32(), builder.v128()];
  const entry = (into: number, offset: number): Code =>
    set(into, multiplyAdd(dialect, get(into), vec.loadSplat(address(0, 2, offset)), op.load(get(2), offset + 4)));
  return [
    set(end, op.loadI32(get(2))),
    set(sum, op.load(get(2), 4)),
    set(other, vec.float(0)),
    step(2, 20),
    set(stop, op.sub(get(end), op.i32(20))),
    entriesUntil(2, get(stop), [entry(sum, 0), entry(other, 20), step(2, 40)]),
    entriesUntil(2, get(end), [entry(sum, 0), step(2, 20)]),
    set(sum, vec.add(get(sum), get(other))),
  ];
}

function store({ table: { share }, out, finish, beside }: Dots, builder: FunctionBuilder, sum: number): Code {
  const isSide = share === 4 && out.stride === 1;
  const read = (index: number): Code => {
    if (index < 0) return get(sum);
    const at = beside[index]?.per === 'output' ? get(3 + index) : op.add(get(1), get(3 + index));
    if (share === 1) return vec.loadSplat(at);
    return isSide || beside[index]?.per === 'output' ? op.load(at) : gathered(at, 4 * out.stride);
  };
  const value = expressionCode(finish, { scratch: builder, operand: read, pick: () => [] });
  if (isSide) return op.store(get(1), value);
  const result = builder.v128();
  const lanes = Array.from({ length: share }, (_, lane) =>
    vec.storeLane(get(1), get(result), lane, 4 * out.stride * lane),
  );
  return [set(result, value), lanes];
}

/** Four elements that lie apart. */
function gathered(at: Code, bytes: number): Code {
  return [1, 2, 3].reduce<Code>(
    (value, lane) => [at, value, simd(0x56, 0, ...op.offset(bytes * lane), lane)],
    vec.loadSplat(at),
  );
}
