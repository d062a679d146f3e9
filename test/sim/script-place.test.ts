// Goal: where an execution is in its script follows from its own steps alone, whatever the one before it left behind.
// Method: plans written by hand on a virtual clock, one place for several executions.
import { beforeEach, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { ScriptPlace } from '../../src/sim/script-place.ts';
import { Destination, type ScriptPlan } from '../../src/sim/script-plan.ts';
import type { Connection } from '../../src/sim/session-state.ts';
import type { SessionView } from '../../src/sim/session-view.ts';

/** A script whose statements go to these destinations; the last commits, and none waits for the one before it. */
function planTo(destinations: readonly number[], pausesMs: readonly number[] = []): ScriptPlan {
  const last = destinations.length - 1;
  const onlyLast = Uint8Array.from(destinations, (_, at) => (at === last ? 1 : 0));
  return {
    ...{ destinations: Uint8Array.from(destinations), lastCommit: last },
    ...{ commits: onlyLast, writes: onlyLast, sendsCommit: onlyLast },
    together: new Uint8Array(destinations.length),
    pausesMs: Float64Array.from({ length: destinations.length + 1 }, (_, at) => pausesMs[at] ?? 0),
  };
}

const at = (primary: number | null, loadBalanceNode: number) => ({ primary, loadBalanceNode }) as Connection;
const split = at(0, 1);
const same = at(0, 0);
/** Nodes that are too far behind for reads. */
const late = (...nodes: number[]) => ({ isLate: (node) => nodes.includes(node) }) as SessionView;

let clock: VirtualClock;
let place: ScriptPlace;
beforeEach(() => {
  clock = new VirtualClock();
  place = new ScriptPlace(clock.kernel);
});

describe('its nodes', () => {
  const { balanced, primary, primaryThenBalanced, balancedThenPrimary } = Destination;
  /** Whether each hop of the present statement goes to the primary. */
  const hops = (connection: Connection): boolean[] => {
    const found = [place.goesToPrimary(connection, late())];
    while (place.toSecondNode(connection)) found.push(place.goesToPrimary(connection, late()));
    return found;
  };

  test.each([
    [balanced, [false], [false]],
    [primary, [true], [true]],
    [primaryThenBalanced, [true, false], [true]],
    [balancedThenPrimary, [false, true], [true]],
  ])('destination %d: with nodes of their own, and with one for both', (destination, apart, together) => {
    for (const connection of [split, same, split]) {
      place.begin(planTo([destination, destination]));
      const expected = connection === same ? together : apart;
      expect(hops(connection)).toEqual(expected);
      place.next();
      expect(hops(connection)).toEqual(expected);
    }
  });

  test('a read leaves a node that is late for the primary, unless it is the primary', () => {
    place.begin(planTo([balanced]));
    expect(place.goesToPrimary(split, late(1))).toBe(true);
    expect(place.goesToPrimary(split, late(0))).toBe(false);
    expect(place.goesToPrimary(same, late(0))).toBe(false);
  });

  test('an execution that ends at its second node leaves the next one at its first', () => {
    place.begin(planTo([primaryThenBalanced]));
    place.toSecondNode(split);
    place.begin(planTo([primaryThenBalanced]));
    expect(hops(split)).toEqual([true, false]);
  });
});

test('a sleep lasts until its end; in it the present statement was not sent', () => {
  place.begin(planTo([Destination.primary], [10, 5]));
  expect([place.pauseMs(), place.isAsleep, place.hasSentCommit]).toEqual([10, true, false]);
  clock.runUntil(9);
  expect([place.isAsleep, place.hasSentCommit]).toEqual([true, false]);
  clock.runUntil(10);
  expect([place.isAsleep, place.hasSentCommit, place.hasCommitted]).toEqual([false, true, false]);
  place.next();
  expect([place.isOver, place.pauseMs(), place.isAsleep]).toEqual([true, 5, true]);
  expect([place.hasSentCommit, place.hasCommitted]).toEqual([true, true]);
  place.begin(planTo([Destination.primary]));
  expect([place.isOver, place.pauseMs(), place.isAsleep]).toEqual([false, 0, false]);
});
