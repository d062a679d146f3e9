// Goal: the pick of the load-balance node with redirect lists and delays is Pgpool 4.3.5's.
// Method: shares measured on it over hundreds of sessions, compared as exact probabilities by sweeping both draws evenly.
import { describe, expect, test } from 'vitest';
import {
  type BalancedSession,
  type BalanceSettings,
  type BalanceState,
  parseRedirectList,
  pickNode,
} from '../../src/topology/balance.ts';

const three: BalanceState = { valid: [0, 1, 2], primary: 0, mainNode: 0 };

/** Share of each node over a grid of the first two draws. */
function shares(
  settings: BalanceSettings,
  state: BalanceState = three,
  session: BalancedSession = {},
): number[] {
  const counts = [0, 0, 0];
  const steps = 60;
  for (let first = 0; first < steps; first += 1) {
    for (let second = 0; second < steps; second += 1) {
      const draws = [(first + 0.5) / steps, (second + 0.5) / steps, (second + 0.5) / steps];
      const node = pickNode(settings, state, { session, unit: () => draws.shift() ?? 0.5 });
      counts[node ?? -1] = (counts[node ?? -1] ?? 0) + 1;
    }
  }
  return counts.map((count) => Math.round((100 * count) / steps ** 2));
}

describe('weights alone', () => {
  test('shares follow them among valid nodes', () => {
    expect(shares({ weights: [0, 1, 1] })).toEqual([0, 50, 50]);
    expect(shares({ weights: [1, 2, 3] })).toEqual([17, 33, 50]);
    expect(shares({ weights: [0, 0, 0] })).toEqual([100, 0, 0]);
    expect(shares({ weights: [1, 2, 3] }, { ...three, valid: [0, 2] })).toEqual([25, 0, 75]);
  });

  test('without a primary the main node serves where no node has weight', () => {
    const state = { valid: [1, 2], primary: -1, mainNode: 2 };
    expect(pickNode({ weights: [0, 0, 0] }, state, { unit: () => 0.5 })).toBe(2);
    expect(pickNode({ weights: [1, 1, 1] }, { ...state, valid: [] }, { unit: () => 0.5 })).toBeNull();
  });
});

describe('redirect preference lists', () => {
  const weights = [0, 1, 1];
  const list = parseRedirectList;

  test('a primary with 0.3 takes that share, the rest goes by weight (measured 67/66/67 of 200)', () => {
    const settings = { weights, appRedirects: list('psql:primary(0.3)') };
    expect(shares(settings, three, { applicationName: 'psql' })).toEqual([30, 35, 35]);
    expect(shares(settings, three, { applicationName: 'other' })).toEqual([0, 50, 50]);
  });

  test('standbys with 0.6 leave the rest to the primary (measured 64/70/66 of 200)', () => {
    const settings = { weights, appRedirects: list('psql:standby(0.6)') };
    expect(shares(settings, three, { applicationName: 'psql' })).toEqual([40, 30, 30]);
  });

  test('a rule for the application beats one for the database, which beats one for the user', () => {
    const settings = {
      weights,
      appRedirects: list('psql:1'),
      databaseRedirects: list('shop:2'),
      userRedirects: list('ann:primary'),
    };
    const session = { user: 'ann', database: 'shop', applicationName: 'psql' };
    expect(shares(settings, three, session)).toEqual([0, 100, 0]);
    expect(shares(settings, three, { ...session, applicationName: 'app' })).toEqual([0, 0, 100]);
    expect(shares(settings, three, { user: 'ann' })).toEqual([100, 0, 0]);
  });

  test('a node that is not valid is no suggestion', () => {
    const settings = { weights, databaseRedirects: list('shop:2') };
    expect(shares(settings, { ...three, valid: [0, 1] }, { database: 'shop' })).toEqual([0, 100, 0]);
  });

  test('reading a list: patterns match whole names, the first match counts, nonsense is left out', () => {
    const rules = list('postgres:primary,mydb[01]:1,mydb.*:standby(0.4),broken,a[:2,x:primary(7)');
    expect(rules.map(({ target, weight }) => [target, weight])).toEqual([
      ['primary', 1],
      [1, 1],
      ['standby', 0.4],
      ['primary', 1],
    ]);
    expect(rules[1]?.matches.test('mydb12')).toBe(false);
    expect(rules[2]?.matches.test('mydb12')).toBe(true);
  });
});

describe('033 prefer_lower_delay_standby: weights 0/1/1, application sent to node 1, which is late', () => {
  const session = { applicationName: 'psql' };
  const base = { weights: [0, 1, 1], appRedirects: parseRedirectList('psql:1'), delayThresholdBytes: 10 };
  const late = { ...three, delayBytes: [0, 400, 0] };

  test('on: the standby with less delay answers', () => {
    expect(shares({ ...base, preferLowerDelayStandby: true }, late, session)).toEqual([0, 0, 100]);
  });

  test('off: the pick stands, the statement itself goes to the primary later', () => {
    expect(shares(base, late, session)).toEqual([0, 100, 0]);
  });

  test('a delay equal to the threshold is none; where every standby is late the primary answers', () => {
    const prefer = { ...base, preferLowerDelayStandby: true };
    expect(shares(prefer, { ...three, delayBytes: [0, 10, 0] }, session)).toEqual([0, 100, 0]);
    expect(shares(prefer, { ...three, delayBytes: [0, 11, 11] }, session)).toEqual([100, 0, 0]);
    expect(shares(prefer, { ...three, delayBytes: [0, 11, 11] })).toEqual([100, 0, 0]);
  });
});
