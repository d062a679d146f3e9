// Goal: who has which commits, pass deaths and orderly stops.
// Method: three servers with fixed delays (replication 10 ms), hand-checked.
import { describe, expect, test } from 'vitest';
import { threeServers } from './small-servers.ts';

describe('Replication', () => {
  test('a commit is on every standby after the delay, in order', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [primary, first, second] = servers;
    replication.commit(primary, '1.0');
    pass(5);
    replication.commit(primary, '1.1');
    expect(first.rows).toEqual([]);
    pass(6);
    expect(first.rows).toEqual(['1.0']);
    pass(10);
    expect(second.rows).toEqual(['1.0', '1.1']);
    expect(replication.positionOf(second)).toBe(replication.positionOf(primary));
  });

  test('what is under way when the primary dies is lost', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [primary, first] = servers;
    replication.commit(primary, '1.0');
    pass(20);
    replication.commit(primary, '1.1');
    pass(5);
    primary.send({ type: 'crash' });
    first.send({ type: 'promote' });
    pass(10_000);
    expect(first.state).toBe('primary');
    expect(first.rows).toEqual(['1.0']);
    expect(primary.rows).toEqual(['1.0', '1.1']);
  });

  test('a primary that stops in good order sends everything first', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [primary, first, second] = servers;
    replication.commit(primary, '1.0');
    primary.send({ type: 'stop' });
    pass(1);
    expect(first.rows).toEqual(['1.0']);
    expect(second.rows).toEqual(['1.0']);
  });

  test('a standby that is pointed at the new primary catches up; one with commits of its own does not stream until it is copied', () => {
    const { servers, replication, pass } = threeServers({ replication: 10 });
    const [old, fresh, other] = servers;
    replication.commit(old, '1.0');
    old.send({ type: 'crash' });
    fresh.send({ type: 'promote' });
    pass(1000);
    replication.commit(fresh, '1.1');
    other.send({ type: 'stop' });
    pass(1000);
    other.send({ type: 'follow', primary: 'b' });
    other.send({ type: 'start' });
    pass(1000);
    expect(other.rows).toEqual(['1.1']);

    old.send({ type: 'follow', primary: 'b' });
    old.send({ type: 'start' });
    pass(20_000);
    expect(old.rows).toEqual(['1.0']);
    old.send({ type: 'crash' });
    replication.copy(old, fresh);
    old.send({ type: 'rebuilt', primary: 'b' });
    old.send({ type: 'start' });
    pass(1000);
    replication.commit(fresh, '1.2');
    pass(1000);
    expect(old.rows).toEqual(['1.1', '1.2']);
    expect(replication.positionTextOf(old)).toMatch(/^0\/30[0-9A-F]+$/);
  });
});
