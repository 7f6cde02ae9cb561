// The rooms of src/ in the order the data walks through them: a room imports itself and the rooms before it.
const ROOMS = [
  'errors',
  'files',
  'tensor',
  'wasm',
  'progress',
  'executor',
  'ir',
  'onnx',
  'graph',
  'compile',
  'autodiff',
  'engine',
  'data',
  'samples',
  'outputs',
  'curvature',
  'problem',
  'constraints',
  'solvers',
  'schedule',
  'budget',
  'apply',
  'finetune',
  'reconstruction',
  'structured',
  'evaluate',
  'pruning',
  'methods',
  'report',
  'pipeline',
  'checkpoint',
  'library',
  'solvers.ts',
  'coppice.web.ts',
  'index.ts',
  'cli',
];

/** Tests, and the tables of cases that they share. */
const TEST = '\\.(test|cases)\\.ts$';
const NODE_ONLY = '\\.node\\.(ts|mjs)$';
const WEB_ONLY = '\\.web\\.ts$';
const RUNTIME = '(^|node_modules/)onnxruntime-';

/** The path of a room; the public entry is a file, all others are folders. */
const within = (room) => (room.endsWith('.ts') ? `${room.replace('.', '\\.')}$` : `${room}/`);

/** What each page may see of the sources: reports as data, the options of methods as data, what the studio's server answers. */
const SEEN = {
  shared: ['report/', 'methods/form(-values)?\\.ts$'],
  report: ['report/'],
  studio: ['report/', 'methods/form(-values)?\\.ts$', 'progress/events\\.ts$', 'cli/studio/schema\\.ts$'],
  prune: ROOMS.filter((room) => !['checkpoint', 'library', 'index.ts', 'cli'].includes(room)).map(within),
};

const pageRules = Object.entries(SEEN).map(([page, seen]) => ({
  name: `page-${page}`,
  severity: 'error',
  comment: `web/${page} imports what a page does not see; what it sees is in .dependency-cruiser.cjs`,
  from: { path: `^web/${page}/` },
  to: { path: '^(src|web)/', pathNot: `^web/(${page}|shared)/|^src/(${seen.join('|')})` },
}));

const roomRules = ROOMS.slice(0, -1).map((room, at) => ({
  name: `room-${room}`,
  severity: 'error',
  comment: `src/${room} imports a room that comes after it; the order is in .dependency-cruiser.cjs`,
  from: { path: `^src/${within(room)}`, pathNot: TEST },
  to: {
    path: `^src/(${ROOMS.slice(at + 1)
      .map(within)
      .join('|')})`,
  },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    ...pageRules,
    {
      name: 'page-in-a-browser',
      severity: 'error',
      comment: 'a page runs in a browser: it imports nothing that needs Node',
      from: { path: '^web/' },
      to: { path: NODE_ONLY, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'sources-know-no-page',
      severity: 'error',
      comment: 'src/ imports a page; pages import the sources',
      from: { path: '^src/' },
      to: { path: '^web/' },
    },
    {
      name: 'known-page',
      severity: 'error',
      comment: 'a folder of web/ that is not in the list of what pages see',
      from: { path: '^web/', pathNot: `^web/(${Object.keys(SEEN).join('|')})/` },
      to: {},
    },
    {
      name: 'known-room',
      severity: 'error',
      comment: 'a folder of src/ that has no place in the order',
      from: { path: '^src/', pathNot: `^src/(${ROOMS.map(within).join('|')})` },
      to: {},
    },
    {
      name: 'solvers-apart',
      severity: 'error',
      comment: 'solvers never import each other; what they share lies in src/solvers itself or in a room before it',
      from: { path: '^src/solvers/([^/]+)/', pathNot: TEST },
      to: { path: '^src/solvers/[^/]+/', pathNot: '^src/solvers/$1/' },
    },
    {
      name: 'node-built-ins',
      severity: 'error',
      comment: 'only *.node.ts and tests import built-ins of Node: everything else runs in a browser',
      from: { path: '^src/', pathNot: `${NODE_ONLY}|${TEST}` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'node-packages',
      severity: 'error',
      comment: 'only *.node.ts and tests import packages that run in Node alone',
      from: { path: '^src/', pathNot: `${NODE_ONLY}|${TEST}` },
      to: { path: '(^|node_modules/)(onnxruntime-node|sharp)(/|$)' },
    },
    {
      name: 'node-files',
      severity: 'error',
      comment: 'a file that imports *.node.ts needs Node itself: name it *.node.ts, or be given what it needs',
      from: { path: '^src/', pathNot: `${NODE_ONLY}|${TEST}|^src/index\\.ts$|^src/cli/` },
      to: { path: NODE_ONLY },
    },
    {
      name: 'web-files',
      severity: 'error',
      comment: 'a file that imports *.web.ts needs a browser: name it *.web.ts, or be given what it needs',
      from: { path: '^src/', pathNot: `${WEB_ONLY}|${TEST}` },
      to: { path: WEB_ONLY },
    },
    {
      name: 'web-packages',
      severity: 'error',
      comment: 'only *.web.ts and tests import packages that run in a browser alone',
      from: { path: '^src/', pathNot: `${WEB_ONLY}|${TEST}` },
      to: { path: '(^|node_modules/)onnxruntime-web(/|$)' },
    },
    {
      name: 'node-or-web',
      severity: 'error',
      comment: 'no file runs both in Node alone and in a browser alone',
      from: { path: `^src/.*${WEB_ONLY}` },
      to: { path: `${NODE_ONLY}|(^|node_modules/)(onnxruntime-node|sharp)(/|$)` },
    },
    {
      name: 'runtime-behind-engine',
      severity: 'error',
      comment: 'nothing outside engine/ imports onnxruntime',
      from: { path: '^src/', pathNot: `^src/engine/|${TEST}` },
      to: { path: RUNTIME },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'modules import each other in a circle',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'an import that leads nowhere',
      from: {},
      to: { couldNotResolve: true, pathNot: '\\?url$' }, // an address, which Vite puts in
    },
    {
      name: 'shipped-dependencies',
      severity: 'error',
      comment:
        'what is shipped must not import a development dependency, but for the peers that a user installs where they are needed',
      from: { path: '^src/', pathNot: TEST },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '(^|node_modules/)(onnxruntime-(node|web)|sharp)(/|$)',
      },
    },
    {
      name: 'no-import-of-tests',
      severity: 'error',
      comment: 'nothing that is shipped imports a test or its cases',
      from: { path: '^src/', pathNot: TEST },
      to: { path: TEST },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
