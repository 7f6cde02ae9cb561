import type { Campaign } from './campaign.ts';
import { checkpoints } from './checkpoints.ts';
import { data } from './data.ts';
import { faults } from './faults.ts';
import { graphs } from './graphs.ts';
import { kills } from './kills.ts';
import { models } from './models.ts';
import { same } from './same.ts';
import { studio } from './studio.ts';
import { zoo } from './zoo.ts';

/** The campaigns by name: one file each. */
export const CAMPAIGNS: Readonly<Record<string, Campaign>> = Object.fromEntries(
  [models, graphs, data, zoo, faults, checkpoints, kills, same, studio].map((one) => [one.name, one]),
);
