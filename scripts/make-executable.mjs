// The compiled command line starts with a shebang and may be run.
import { chmodSync, existsSync } from 'node:fs';

const MAIN = 'dist/cli/main.node.js';
if (existsSync(MAIN)) chmodSync(MAIN, 0o755);
