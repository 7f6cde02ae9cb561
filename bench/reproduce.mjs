// npm run reproduce [-- --quick | --render]: measures the table of results row by row and writes docs/results.md.
// --quick takes the rows of a ten-minute part; --render only writes the page from the rows that were measured before.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { patternTables } from './patterns.mjs';

const CSV = new URL('./results/accuracy.csv', import.meta.url);
const PAGE = new URL('../docs/results.md', import.meta.url);

/** Rows of the page: a table of bench/accuracy.mjs, its budget, and the settings by which the row is known; null = left out. */
const row = (table, share, settings = {}, more = {}) => ({ table, share: String(share), settings, ...more });
const flops = (kept) => `flops=${kept}`;
const SECTIONS = [
  {
    title: 'ResNet-20 on CIFAR-10, dense 91.44: `auto`',
    head: 'budget',
    rows: [
      row('resnet20-auto', 0.9, { gradients: 8000 }, { quick: true }),
      row('resnet20-auto', 0.9, { gradients: 30000, hide: null }),
      row('resnet20-auto', 0.9, { gradients: 30000, hide: 'labels' }),
      row('resnet20-auto', 0.9, { gradients: 100000 }),
      row('resnet20-auto', 0.95, { gradients: 30000 }),
      row('resnet20-auto', 0.95, { gradients: 100000 }),
      ...[0.5, 0.3, 0.2].flatMap((kept) =>
        [30000, 100000].map((gradients) => row('resnet20-auto', flops(kept), { gradients })),
      ),
      row('resnet20-folded-auto', 0.9, { gradients: 30000 }),
    ],
  },
  {
    title: 'ResNet-20 on CIFAR-10: the rival, SGD on labels while the support closes in by magnitude',
    head: 'sparsity',
    rows: [0.9, 0.95].map((share) => row('resnet20-sgd', share, { rows: 20000 })),
  },
  {
    title: 'ResNet-20 on CIFAR-10 at 90 %: minutes of one machine, beside the rival for as long',
    head: 'sparsity',
    rows: [
      [2, { rows: 7900 }],
      [5, { rows: 19700 }],
      [15, { epochs: 6 }],
    ].flatMap(([minutes, rival]) => [
      row('resnet20-minutes', 0.9, { minutes }),
      row('resnet20-sgd', 0.9, { method: 'magnitude', ...rival }),
    ]),
  },
  {
    title: 'ResNet-20 on CIFAR-10: `prune --gradual`, 500,000 sample gradients',
    head: 'sparsity',
    rows: [
      ...[0.9, 0.95].map((share) => row('resnet20-gradual', share, { share: 0.9, method: 'magnitude', rows: null })),
      row('resnet20-gradual', 0.9, { share: 0.9, method: 'chita', rows: null }),
    ],
  },
  {
    title: 'MLPNet on MNIST, dense 93.97: stages without training',
    head: 'sparsity',
    rows: [0.9, 0.95, 0.98].map((share) => row('mlpnet-line-search', share, {}, { seeds: '1,2,3' })),
  },
  {
    title: 'By default settings: a method and a budget, nothing else; MLPNet on MNIST and ResNet-20 on CIFAR-10',
    head: 'budget',
    rows: [
      ...[0.9, 0.95, 0.98].map((share) => row('mlpnet-defaults', share, { method: 'chita++' }, { seeds: '7' })),
      ...[0.8, 0.9].map((share) => row('resnet20-defaults', share, { method: 'chita++' }, { seeds: '7' })),
      row('resnet20-defaults', flops(0.5), { method: 'falcon' }, { seeds: '7' }),
    ],
  },
  {
    title: 'ResNet-20 on CIFAR-10: layers solved on 1,000 pictures without labels, `reconstruct`',
    head: 'sparsity',
    rows: [0.7, 0.8, 0.9].map((share) => row('resnet20-reconstruct', share, { samples: 1000 }, { quick: true })),
  },
  {
    title: 'MLPNet on MNIST: layers solved on 1,000 pictures without labels, `reconstruct`',
    head: 'sparsity',
    rows: [0.9, 0.95, 0.98].map((share) => row('mlpnet-reconstruct', share, { samples: 1000 }, { quick: true })),
  },
  {
    title: 'MLPNet on MNIST: `auto`',
    head: 'sparsity',
    rows: [0.9, 0.95, 0.98].map((share) =>
      row('mlpnet-auto', share, { gradients: 100000 }, { quick: true, seeds: '1,2,3' }),
    ),
  },
  {
    title: 'ResNet-20 on CIFAR-10: stages without training',
    head: 'sparsity',
    rows: [
      row('resnet20-chita++', 0.7, { samples: 1000, stages: 20, lineSearch: 1024, baseSparsity: 0.3 }),
      row('resnet20-line-search', 0.7, { samples: 500, stages: 20 }),
      row('resnet20-chita++', 0.8, { samples: 1000, stages: 20, lineSearch: 1024, baseSparsity: 0.3 }),
      row('resnet20-line-search', 0.8, { samples: 250, stages: 60 }),
      row('resnet20-line-search', 0.9, { samples: 250, stages: 60 }),
    ],
  },
  {
    title: 'MobileNetV1 0.75 on 250 ImageNet pictures that the method did not see',
    head: 'sparsity',
    rows: [
      ...[0.5, 0.7].flatMap((share) => [
        row('mobilenet-auto', share, { method: 'reconstruct', samples: 250 }),
        row('mobilenet-auto', share, { method: 'auto', gradients: 1000 }),
      ]),
    ],
  },
  {
    title:
      'stories260k, a language model of 260,000 weights, on stories that the methods did not see; accuracy is of the next token',
    head: 'sparsity',
    rows: [0.5, 0.7].flatMap((share) =>
      ['magnitude', 'chita', 'auto'].map((method) => row('stories260k', share, { method }, { quick: share === 0.5 })),
    ),
  },
];

const { values: asked } = parseArgs({ options: { quick: { type: 'boolean' }, render: { type: 'boolean' } } });
if (asked.render !== true) measure(SECTIONS.flatMap(({ rows }) => rows).filter(({ quick }) => quick || !asked.quick));
writeFileSync(PAGE, page());
console.log(`wrote ${fileURLToPath(PAGE)}`);

function measure(rows) {
  for (const { table, share, settings, seeds = '1' } of rows) {
    const overrides = Object.entries(settings).flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`]));
    const isText = table === 'stories260k';
    const program = fileURLToPath(new URL(isText ? './stories.mjs' : './accuracy.mjs', import.meta.url));
    const args = isText ? [share, settings.method] : [table, seeds, `sparsity=${share}`, ...overrides];
    const run = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' });
    if (run.status !== 0) process.exit(run.status ?? 1);
  }
}

/** The newest measurement of each seed of a row, of those that ran as the newest one did. */
function measured({ table, share, settings }) {
  const [head, ...lines] = (existsSync(CSV) ? readFileSync(CSV, 'utf8') : '').trim().split('\n');
  const names = head.split(',');
  const found = new Map();
  for (const line of lines) {
    const entry = Object.fromEntries(line.split(',').map((value, i) => [names[i], value]));
    const options = entry.options.split(' ');
    const fits = Object.entries(settings).every(([key, value]) => {
      if (key === 'method') return entry.method === value;
      return value === null
        ? !options.some((option) => option.startsWith(`${key}=`))
        : options.includes(`${key}=${value}`);
    });
    if (entry.table === table && entry.sparsity === share && fits) {
      found.delete(entry.seed);
      found.set(entry.seed, entry);
    }
  }
  const entries = [...found.values()];
  return entries.filter(({ options }) => options === entries.at(-1)?.options);
}

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function lineOf(row) {
  const runs = measured(row);
  if (runs.length === 0) return null;
  const budget = row.share.startsWith('flops=')
    ? `${100 * Number(row.share.slice(6))} % of the MACs`
    : `${100 * Number(row.share)} % zeros`;
  const percent = (100 * mean(runs.map(({ accuracy }) => Number(accuracy)))).toFixed(2);
  const seconds = mean(runs.map(({ seconds: s }) => Number(s)));
  const model = row.table.includes('folded') ? ', batch norm folded' : '';
  const method = row.settings.method === undefined ? '' : `, ${row.settings.method}`;
  return `| ${budget}${model}${method} | ${runs[0].options} | ${percent} | ${mean(runs.map(({ loss }) => Number(loss))).toFixed(3)} | ${runs.length} | ${seconds.toFixed(0)} | ${runs.at(-1).date} |`;
}

function page() {
  const processor = cpus()[0]?.model.trim() || 'processor of unknown name';
  const parts = SECTIONS.flatMap(({ title, head, rows }) => {
    const lines = rows.map(lineOf).filter((line) => line !== null);
    if (lines.length === 0) return [];
    const heads = `| ${head} | settings | test accuracy | loss | seeds | seconds | measured |\n| --- | --- | --- | --- | --- | --- | --- |`;
    return [`## ${title}\n\n${heads}\n${lines.join('\n')}`];
  });
  parts.push(...patternTables());
  return `# Results

Written by \`npm run reproduce\` (\`-- --quick\`: a part of it) from the rows of \`bench/results/accuracy.csv\`; rows that were not measured
are left out. Test data is looked at once a row; every setting was chosen on held-out training data ([experiments](experiments.md)).
Last machine: ${processor}, ${availableParallelism()} threads, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}. Seconds are of the run alone, on
whatever else the machine had to do: compare accuracies. Rows with \`rate\` ran at that rate, before \`auto\` tried several;
those of \`auto\` without \`start=layers\` began at the dense weights; \`hide=labels\`: the data had none.

${parts.join('\n\n')}
`;
}
