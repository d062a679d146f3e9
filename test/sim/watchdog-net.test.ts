// Goal: a Pgpool whose watchdog takes it for dead ends at once, or once the address that it takes down is down; a start knows of neither.
// Method: the place of one Pgpool by itself, its watchdog played by hand.
import { expect, test } from 'vitest';
import { VirtualClock } from '../../src/kernel/clock.ts';
import { Escalation } from '../../src/sim/escalation.ts';
import { Network } from '../../src/sim/network.ts';
import { DelegateAddress } from '../../src/sim/service-address.ts';
import { WatchdogNet } from '../../src/sim/watchdog-net.ts';
import { steadyDraws } from './small-servers.ts';

function onePlace() {
  const clock = new VirtualClock();
  const draws = steadyDraws();
  const network = new Network(['a']);
  const address = new DelegateAddress(network, () => {});
  const settings = { hasCommand: false, hasDownCommand: false, address, arpingCommand: 'arping -w 1' };
  const ends: number[] = [];
  const net = new WatchdogNet({
    ...{ clock, draws, network, queryLimitMs: 1000, backends: [] },
    members: [
      {
        id: 0,
        server: 'a',
        escalation: () => new Escalation(clock, draws, { server: 'a', settings, note() {} }),
      },
    ],
    record() {},
    serves: () => true,
    ends: () => ends.push(clock.nowMs()),
    changed() {},
    beat() {},
  });
  return { clock, net, ends, start: () => net.networkOf(0, clock) };
}

test('without an address that comes down it ends at once', () => {
  const { clock, ends, start } = onePlace();
  start().stateChanged('LOST');
  clock.runUntil(100);
  expect(ends).toEqual([0]);
});

test('while its address comes down it ends when that is down', () => {
  const { clock, ends, start } = onePlace();
  const port = start();
  port.deEscalate(() => {});
  port.stateChanged('LOST');
  clock.runUntil(100);
  // `ip addr del` takes 15 ms.
  expect(ends).toEqual([15]);
});

test('what was killed while its address came down ends at once when it is lost after its next start', () => {
  const { clock, net, ends, start } = onePlace();
  start().deEscalate(() => {});
  clock.runUntil(5);
  net.ended(0);
  clock.runUntil(50);
  start().stateChanged('LOST');
  clock.runUntil(100);
  expect(ends).toEqual([50]);
});

test('what was lost and started again does not end when its address comes down', () => {
  const { clock, net, ends, start } = onePlace();
  start().stateChanged('LOST');
  clock.runUntil(10);
  net.ended(0);
  let isDown = false;
  start().deEscalate(() => {
    isDown = true;
  });
  clock.runUntil(100);
  expect([isDown, ends]).toEqual([true, [0]]);
});
