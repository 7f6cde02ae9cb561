import type { Report } from './report.ts';

/** The part of user-agent client hints that is asked for; not every browser has them. */
interface AgentData {
  readonly platform: string;
  readonly brands: readonly { readonly brand: string; readonly version: string }[];
}

/** The browser and its system; processors are not told to pages. */
export function platformFacts(): Report['platform'] {
  const hints = (navigator as { userAgentData?: AgentData }).userAgentData;
  const brand = hints?.brands.find(({ brand }) => !/not.?a.?brand/i.test(brand));
  const os = brand ? `${hints?.platform || 'unknown system'}, ${brand.brand} ${brand.version}` : navigator.userAgent;
  return { node: null, os, cpu: null };
}
