import type { Campaign } from './campaign.ts';
import { models } from './models.ts';

/** The campaigns by name: one file each. */
export const CAMPAIGNS: Readonly<Record<string, Campaign>> = Object.fromEntries([models].map((one) => [one.name, one]));
