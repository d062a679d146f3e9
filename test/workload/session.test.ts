// Goal: one session of a client comes back as the rules say: at once, after its back-off, renewed when its lifetime is over.
// Method: the real session on the virtual clock and a scripted transport, with dice that always fall the same way.
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Random } from '../../src/kernel/random.ts';
import { ClientSession } from '../../src/workload/session.ts';
import type { ExecutionOutcome, ScriptCall } from '../../src/workload/transport.ts';
import { type Behaviour, ScriptedTransport, steady } from './scripted-transport.ts';

/** Draws that all have the same value: 0 shortens nothing. */
class EvenDice extends Random {
  readonly #unit: number;

  constructor(unit: number) {
    super(1);
    this.#unit = unit;
  }

  override unit(): number {
    return this.#unit;
  }
}

const read: ScriptCall = { classIndex: 0, number: 0, kind: 'read' };
const write: ScriptCall = { classIndex: 1, number: 0, kind: 'write' };
const refused = { ok: false, error: { code: 'XX000', message: '' } } as const;

/** A session whose owner writes down when it was free. */
function session(behaviour: Behaviour, { unit = 0, lifetimeMs = null as number | null } = {}) {
  const clock = new VirtualClock();
  const transport = new ScriptedTransport(clock, behaviour);
  const idleAtMs: number[] = [];
  const answers: ExecutionOutcome[] = [];
  const made: ClientSession = new ClientSession({
    ...{ clock, transport, random: new EvenDice(unit), lifetimeMs, perTransaction: false },
    owner: {
      onIdle: () => idleAtMs.push(clock.nowMs()),
      onGone: () => undefined,
      onRefused: () => undefined,
      onAnswer: (outcome) => answers.push(outcome),
    },
  });
  made.open(0);
  return { clock, transport, session: made, idleAtMs, answers };
}

/** Lets in up to an instant, and refuses from then on after so long. */
const awayFrom = (fromMs: number, afterMs: (atMs: number) => number): Behaviour => ({
  ...steady,
  connect: (atMs) => (atMs < fromMs ? steady.connect(atMs) : { afterMs: afterMs(atMs), outcome: refused }),
});

describe('after a loss', () => {
  test('attempts come at once, then 100, 200, 400 and 500 ms after the start of the one before', () => {
    const { clock, transport } = session(awayFrom(10, () => 5));
    clock.setTimeout(() => transport.lose(), 1000);
    clock.runUntil(3500);
    // The first wait counts from the end of the attempt: it is the shortest that a refused one is followed by.
    expect(transport.connectsAtMs).toEqual([0, 1000, 1105, 1305, 1705, 2205, 2705, 3205]);
  });

  test('dice shorten each wait by half at most', () => {
    const { clock, transport } = session(
      awayFrom(10, () => 5),
      { unit: 1 },
    );
    clock.setTimeout(() => transport.lose(), 1000);
    clock.runUntil(2000);
    expect(transport.connectsAtMs).toEqual([0, 1000, 1055, 1155, 1355, 1605, 1855]);
  });

  test('an attempt that hung longer than its back-off is followed by the next after the shortest one', () => {
    const { clock, transport } = session(awayFrom(10, () => 3000));
    clock.setTimeout(() => transport.lose(), 1000);
    clock.runUntil(12_000);
    expect(transport.connectsAtMs).toEqual([0, 1000, 4100, 7200, 10_300]);
  });

  test('a connection that carried nothing is followed by a back-off, one that did by an attempt at once', () => {
    const { clock, transport, session: client, answers } = session(steady);
    clock.runUntil(100);
    transport.lose();
    clock.runUntil(200);
    transport.lose();
    clock.runUntil(1000);
    expect(transport.connectsAtMs).toEqual([0, 100, 300]);
    client.execute(read);
    clock.runUntil(1002);
    expect(answers).toEqual([{ ok: true }]);
    client.succeeded();
    transport.lose();
    clock.runUntil(2000);
    expect(transport.connectsAtMs).toEqual([0, 100, 300, 1002]);
  });
});

test('writes rest 100, 200, 400 ms while no primary is known, and 100 ms again after a write that was done', () => {
  const { clock, session: client } = session(steady);
  clock.runUntil(10);
  const restMs = (): number => {
    const fromMs = clock.nowMs();
    while (!client.takes('write')) clock.runUntil(clock.nowMs() + 1);
    return clock.nowMs() - fromMs;
  };
  const tried = (done: boolean): void => {
    client.execute(write);
    clock.runUntil(clock.nowMs() + 2);
    if (done) client.succeeded();
    else client.failed('backOffWrites');
  };
  const rests: number[] = [];
  for (const done of [false, false, false, true, false]) {
    tried(done);
    expect(client.takes('read')).toBe(true);
    rests.push(restMs());
  }
  expect(rests).toEqual([100, 200, 400, 0, 100]);
});

test('a read that was done says nothing of writes: they rest on, and longer the next time', () => {
  const { clock, session: client } = session(steady);
  clock.runUntil(10);
  client.execute(write);
  clock.runUntil(12);
  client.failed('backOffWrites');
  client.execute(read);
  clock.runUntil(14);
  client.succeeded();
  expect(client.takes('write')).toBe(false);
  clock.runUntil(112);
  client.execute(write);
  clock.runUntil(114);
  client.failed('backOffWrites');
  clock.runUntil(313);
  expect(client.takes('write')).toBe(false);
  clock.runUntil(314);
  expect(client.takes('write')).toBe(true);
});

test.each([
  [0, 800],
  [0.5, 1000],
  [1, 1200],
])('a lifetime of 1 s and dice of %d renew a free session after %d ms', (unit, afterMs) => {
  const { clock, transport } = session(steady, { unit, lifetimeMs: 1000 });
  clock.runUntil(1250);
  expect(transport.connectsAtMs).toEqual([0, 1 + afterMs]);
});
