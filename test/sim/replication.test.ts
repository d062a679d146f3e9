// Goal: who has which commits, pass deaths and orderly stops.
// Method: three servers with fixed delays (replication 10 ms), hand-checked.
import { describe, expect, test } from 'vitest';
import { Network } from '../../src/sim/network.ts';
import { rowsOf, threeServers } from './small-servers.ts';

describe('Replication', () => {
  test('a commit is on every standby after the delay, in order', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [primary, first, second] = servers;
    replication.commit(primary, 1, 0);
    pass(5);
    replication.commit(primary, 1, 1);
    expect(rowsOf(first)).toEqual([]);
    pass(6);
    expect(rowsOf(first)).toEqual(['1.0']);
    pass(10);
    expect(rowsOf(second)).toEqual(['1.0', '1.1']);
    expect(replication.positionOf(second)).toBe(replication.positionOf(primary));
  });

  test('what is under way when the primary dies is lost', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [primary, first] = servers;
    replication.commit(primary, 1, 0);
    pass(20);
    replication.commit(primary, 1, 1);
    pass(5);
    primary.send({ type: 'crash' });
    first.send({ type: 'promote' });
    pass(10_000);
    expect(first.state).toBe('primary');
    expect(rowsOf(first)).toEqual(['1.0']);
    expect(rowsOf(primary)).toEqual(['1.0', '1.1']);
  });

  test('a primary that stops in good order sends everything first', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [primary, first, second] = servers;
    replication.commit(primary, 1, 0);
    primary.send({ type: 'stop' });
    pass(1);
    expect(rowsOf(first)).toEqual(['1.0']);
    expect(rowsOf(second)).toEqual(['1.0']);
  });

  test('nothing crosses a partition, not even what was under way; after it the standby asks again and catches up', () => {
    const network = new Network(['a', 'b', 'c']);
    const { servers, replication, pass } = threeServers({ replication: 10 }, undefined, { network });
    const [primary, first, second] = servers;
    replication.commit(primary, 1, 0);
    network.partition([['b']]);
    pass(1000);
    expect([rowsOf(first), rowsOf(second), replication.streams(first)]).toEqual([[], ['1.0'], false]);
    network.heal();
    pass(5000);
    expect([rowsOf(first), replication.streams(first)]).toEqual([['1.0'], true]);
  });

  test('a standby that is pointed at the new primary catches up; one with commits of its own does not stream until it is copied', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [old, fresh, other] = servers;
    replication.commit(old, 1, 0);
    old.send({ type: 'crash' });
    fresh.send({ type: 'promote' });
    pass(1000);
    replication.commit(fresh, 1, 1);
    other.send({ type: 'stop' });
    pass(1000);
    other.send({ type: 'follow', primary: 'b' });
    other.send({ type: 'start' });
    pass(1000);
    expect(rowsOf(other)).toEqual(['1.1']);

    old.send({ type: 'follow', primary: 'b' });
    old.send({ type: 'start' });
    pass(20_000);
    expect(rowsOf(old)).toEqual(['1.0']);
    old.send({ type: 'crash' });
    replication.copy(old, fresh);
    old.send({ type: 'rebuilt', primary: 'b' });
    old.send({ type: 'start' });
    pass(1000);
    replication.commit(fresh, 1, 2);
    pass(1000);
    expect(rowsOf(old)).toEqual(['1.1', '1.2']);
    expect(replication.positionTextOf(old)).toMatch(/^0\/30[0-9A-F]+$/);
  });
});

describe('WAL volume and replay', () => {
  test('positions grow by the bytes of a write; a replay that takes time lags behind, and holds nobody up', () => {
    const at = threeServers({ replication: 1, replay: 30 }, undefined, { bytesPerCommit: 1000 });
    const [primary, first] = at.servers;
    for (let number = 0; number < 5; number += 1) at.replication.commit(primary, 1, number);
    at.pass(40);
    expect(at.replication.positionOf(first) - at.replication.replayedOf(first)).toBe(4000);
    expect(at.replication.delays()).toEqual([0, 4000, 4000]);
    expect(rowsOf(first)).toEqual(['1.0']);
    at.pass(130);
    expect(rowsOf(first)).toHaveLength(5);
    expect(at.replication.delays()).toEqual([0, 0, 0]);
  });

  test('a standby that is promoted has replayed what it had received', () => {
    const at = threeServers({ replication: 1, replay: 1000 });
    const [primary, first] = at.servers;
    at.replication.commit(primary, 1, 0);
    at.replication.commit(primary, 1, 1);
    at.pass(10);
    expect(rowsOf(first)).toEqual([]);
    primary.send({ type: 'crash' });
    first.send({ type: 'promote' });
    at.pass(500);
    expect([first.state, rowsOf(first)]).toEqual(['primary', ['1.0', '1.1']]);
  });
});

describe('synchronous replication', () => {
  /** Whether a commit is safe, asked of a cluster with these settings. */
  function safety(settings: Parameters<typeof threeServers>[2], means = {}) {
    const at = threeServers({ replication: 10, network: 1, ...means }, undefined, settings);
    const [primary] = at.servers;
    const safe: number[] = [];
    const kind = at.clock.kernel.kind((number) => safe.push(number));
    const commit = (number: number): void => {
      const position = at.replication.commit(primary, 1, number);
      if (at.replication.waits.isSafe(primary, position)) safe.push(number);
      else at.replication.waits.add(primary, { position, kind, a: number, b: 0 });
    };
    return { ...at, safe, commit };
  }

  test.each([
    ['without names', {}, 0],
    ['local', { synchronousNames: 'b', synchronousCommit: 'local' }, 0],
    ['off', { synchronousNames: 'b', synchronousCommit: 'off' }, 0],
    ['on: the standby has it, and its answer is back', { synchronousNames: 'b' }, 11],
    ['remote_write', { synchronousNames: 'ANY 1 (*)', synchronousCommit: 'remote_write' }, 11],
    ['remote_apply: replayed', { synchronousNames: 'FIRST 1 (c, b)', synchronousCommit: 'remote_apply' }, 41],
    ['two of two', { synchronousNames: '2 (b, c)' }, 11],
  ] as const)('%s', (_, settings, afterMs) => {
    const at = safety(settings, { replay: 30 });
    at.commit(7);
    if (afterMs > 0) {
      at.pass(afterMs - 0.5);
      expect(at.safe).toEqual([]);
    }
    at.pass(1);
    expect(at.safe).toEqual([7]);
  });

  test('FIRST waits for the first connected of its list; ANY does without the slow one', () => {
    for (const [synchronousNames, expected] of [
      ['FIRST 1 (b, c)', []],
      ['ANY 1 (b, c)', [1]],
    ] as const) {
      const at = safety({ synchronousNames });
      at.servers[1].hang();
      at.commit(1);
      at.pass(1000);
      expect(at.safe, synchronousNames).toEqual(expected);
      at.servers[1].wake();
      at.pass(2);
      expect(at.safe, synchronousNames).toEqual([1]);
    }
  });

  test('a hung standby that answers nothing for a minute counts no more', () => {
    const at = safety({ synchronousNames: 'FIRST 1 (b, c)' });
    at.servers[1].hang();
    at.commit(1);
    at.pass(59_000);
    expect(at.safe).toEqual([]);
    at.pass(2000);
    expect(at.safe).toEqual([1]);
  });

  test('who waited for a standby when the primary died is not answered by its next life', () => {
    const at = safety({ synchronousNames: 'b' });
    const [primary, first] = at.servers;
    first.hang();
    at.commit(1);
    at.pass(50);
    primary.send({ type: 'crash' });
    first.wake();
    primary.send({ type: 'start' });
    at.pass(20_000);
    expect([rowsOf(first), at.replication.streams(first), at.safe]).toEqual([['1.1'], true, []]);
  });

  test('with too few standbys commits wait, until one is back or EFM lowers their number', () => {
    const at = safety({ synchronousNames: '2 (b, c)' });
    const [primary, first] = at.servers;
    first.send({ type: 'crash' });
    at.commit(1);
    at.pass(1000);
    expect(at.safe).toEqual([]);
    expect(at.replication.waits.stateOf(primary)).toEqual({ numSync: 2, connected: 1 });
    at.replication.waits.change(primary, 1);
    at.pass(1);
    expect(at.safe).toEqual([1]);
    at.replication.waits.change(primary, null);
    expect(at.replication.waits.stateOf(primary)).toBeNull();
    at.commit(2);
    expect(at.safe).toEqual([1, 2]);
  });

  test('with synchronous_commit = off what was not flushed is gone with a crash, and kept by a stop in order', () => {
    for (const [type, rows] of [
      ['crash', ['1.0']],
      ['stop', ['1.0', '1.1']],
    ] as const) {
      const at = safety({ synchronousCommit: 'off' });
      const [primary] = at.servers;
      at.commit(0);
      at.pass(250);
      at.commit(1);
      at.pass(50);
      expect(rowsOf(primary)).toEqual(['1.0', '1.1']);
      primary.send({ type });
      at.pass(1000);
      expect(rowsOf(primary), type).toEqual(rows);
    }
  });
});
