import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StudioRoom } from '../bench/campaign/studio/room.ts';
import { ATTACKS, attacked } from '../bench/campaign/studio.ts';

// those that take long: npm run campaign -- studio
const QUICK = ATTACKS.filter(({ isSlow }) => !isSlow);
const KINDS = [...new Set(QUICK.map(({ kind }) => kind))];
let room: StudioRoom;
beforeAll(async () => {
  room = await new StudioRoom().open();
});
afterAll(() => room.close());

describe('attacks on a running studio', () => {
  it('are two hundred and more, of every kind', () => {
    expect(ATTACKS.length).toBeGreaterThan(200);
    expect(KINDS.length).toBeGreaterThan(10);
  });

  it.each(KINDS)(
    'pass by none: %s',
    async (kind) => {
      const passed: string[] = [];
      for (const attack of QUICK)
        if (attack.kind === kind) {
          const what = await attacked(room, attack);
          if (what !== null) passed.push(`${attack.name}: ${what}`);
        }
      expect(passed).toEqual([]);
    },
    60_000,
  );
});
