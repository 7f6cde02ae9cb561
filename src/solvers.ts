// What a solver or a constraint of one's own is written with: see docs/add-a-solver.md.
export { cardinality, count, type Group, grouped, markEach } from './constraints/cardinality.ts';
export { type Constraint, countNonzeros, projection, squared, supportOf } from './constraints/constraint.ts';
export { type CostedGroup, knapsack, type Limit } from './constraints/knapsack.ts';
export type { GradientRows } from './curvature/gradient-rows.ts';
export { type Linalg, linalg } from './engine/linalg.ts';
export { type BackSolution, backSolve } from './problem/back-solve.ts';
export { allColumns, type ColumnBlock, columnsOf, gramOf, lowerGramOf, markedColumns } from './problem/columns.ts';
export {
  type Capability,
  composeValue,
  nonzeros,
  type Point,
  type QuadraticOptions,
  type QuadraticProblem,
  quadratic,
  squaredDistance,
  squaredNorm,
  type Value,
} from './problem/quadratic.ts';
export { type ChitaCdOptions, chitaCd } from './solvers/chita/active-set.ts';
export { type ChitaOptions, chita, initialSupport } from './solvers/chita/back-solving.ts';
export { type ChitaBlockOptions, chitaBlock } from './solvers/chita/block-wise.ts';
export { DRIVE_DEFAULTS, type DriveOptions, drive, magnitudePruned, type Solution } from './solvers/drive.ts';
export { magnitude } from './solvers/magnitude/magnitude.ts';
export { type AnySolver, type Solver, type SolveStatus, solver } from './solvers/solver.ts';
export { woodfisher } from './solvers/woodfisher/woodfisher.ts';
