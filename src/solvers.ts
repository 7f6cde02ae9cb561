// What a solver or a constraint of one's own is written with: see docs/add-a-solver.md.
export { cardinality, count, type Group, grouped, markEach } from './constraints/cardinality.ts';
export { type Constraint, countNonzeros, projection, squared, supportOf } from './constraints/constraint.ts';
export { type CostedGroup, knapsack, type Limit } from './constraints/knapsack.ts';
export type { GradientRows } from './curvature/gradient-rows.ts';
export { type Linalg, linalg } from './engine/linalg.ts';
export { type BackSolution, type BackSolved, backSolve } from './problem/back-solve.ts';
export { allColumns, type ColumnBlock, columnsOf, gramOf, lowerGramOf, markedColumns } from './problem/columns.ts';
export { type LayerModel, type LayerSetup, layerModel } from './problem/layer.ts';
export type {
  Abilities,
  Able,
  Capability,
  Differentiable,
  Inverse,
  Invertible,
  Layered,
  LowRank,
  Point,
  Problem,
  Solvable,
  Solved,
  Value,
} from './problem/problem.ts';
export {
  composeValue,
  type QuadraticOptions,
  type QuadraticProblem,
  type QuadraticValue,
  quadratic,
} from './problem/quadratic.ts';
export { nonzeros, squaredDistance, squaredNorm } from './problem/vectors.ts';
export { type ChitaCdOptions, chitaCd } from './solvers/chita/active-set.ts';
export { type ChitaOptions, chita, initialSupport } from './solvers/chita/back-solving.ts';
export { type ChitaBlockOptions, chitaBlock } from './solvers/chita/block-wise.ts';
export { DRIVE_DEFAULTS, type DriveOptions, drive, magnitudePruned, type Solution } from './solvers/drive.ts';
export { magnitude } from './solvers/magnitude/magnitude.ts';
export { type AnySolver, type Solver, type SolveStatus, solver } from './solvers/solver.ts';
export { woodfisher } from './solvers/woodfisher/woodfisher.ts';
