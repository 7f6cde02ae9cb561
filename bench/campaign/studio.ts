import { type Campaign, RIGHT, type Verdict, wrong } from './campaign.ts';
import { preparePages } from './command.ts';
import { BODIES } from './studio/bodies.ts';
import { DOORS } from './studio/doors.ts';
import { FORGED } from './studio/forged.ts';
import { PAGES } from './studio/pages.ts';
import { PATHS } from './studio/paths.ts';
import { type Attack, StudioRoom } from './studio/room.ts';
import { STREAMS } from './studio/streams.ts';

/** Attacks on a running studio, each with what must happen. */
export const ATTACKS: readonly Attack[] = [...DOORS, ...PATHS, ...PAGES, ...BODIES, ...FORGED, ...STREAMS];

/** Tries an attack, and whether the studio serves as before. @returns  what passed; null = nothing */
export async function attacked(room: StudioRoom, attack: Attack): Promise<string | null> {
  const passed = await attack.try(room);
  if (passed !== null) return passed;
  const { status, body } = await room.ask({ target: '~/api/methods' });
  return status === 200 && body.includes('magnitude') ? null : `the studio serves no more: status ${status}`;
}

let opened: Promise<StudioRoom> | undefined;

/** One attack after another on one studio that goes on. */
export const studio: Campaign = {
  name: 'studio',
  summary: `${ATTACKS.length} attacks on a running studio: none passes, and it goes on serving`,
  limit: 150,
  async case(_, index): Promise<Verdict> {
    preparePages();
    opened ??= new StudioRoom().open();
    const room = await opened;
    const attack = ATTACKS[index % ATTACKS.length] as Attack;
    const passed = await attacked(room, attack);
    return passed === null ? RIGHT : wrong(`${attack.kind}, ${attack.name}: ${passed}`);
  },
};
