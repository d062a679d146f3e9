import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { readInfo } from '../lab/watchdog-differential-cluster.ts';
import { observedWatchdog } from '../lab/watchdog-differential-observed.ts';
import {
  applyTo,
  canBe,
  drawSteps,
  membersAtStart,
  parseSteps,
  textOf,
} from '../lab/watchdog-differential-steps.ts';

// Goal: the harness that compares three real watchdogs with the statecharts does not fool itself.
// Method: its parts alone, without servers; one answer of pcp_watchdog_info as Pgpool-II 4.3.5 printed it.

const answer = `Watchdog Cluster Information 
Total Nodes              : 3
Remote Nodes             : 2
Member Remote Nodes      : 2
Alive Remote Nodes       : 1
Nodes required for quorum: 2
Quorum state             : QUORUM EXIST
Local node escalation    : YES
Leader Node Name         : 10.99.0.12:9999 Linux vm
Leader Host Name         : 10.99.0.12

Watchdog Node Information 
Node Name         : 10.99.0.12:9999 Linux vm
Host Name         : 10.99.0.12
Delegate IP       : 
Pgpool port       : 9999
Watchdog port     : 9000
Node priority     : 2
Status            : 4
Status Name       : LEADER
Membership Status : MEMBER

Node Name         : 10.99.0.11:9999 Linux vm
Host Name         : 10.99.0.11
Status            : 8
Status Name       : LOST

Node Name         : 10.99.0.13:9999 Linux vm
Host Name         : 10.99.0.13
Status            : 7
Status Name       : STANDBY
`;

test('an answer of pcp_watchdog_info is read from the side of the node that gave it', () => {
  const leader = { state: 'LEADER', leader: 1, quorum: 'QUORUM EXIST', escalated: true, sees: [2] };
  expect(readInfo(answer, 1)).toEqual(leader);
  expect(readInfo(answer, 2)).toMatchObject({ state: 'STANDBY', leader: 1, quorum: null, sees: [1] });
  expect(readInfo('ERROR: connection to host failed', 1)).toBeNull();
});

test('a seed draws the same steps, each one possible as the Pgpools are then, and they are read as they are written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 20 }), (seed, count) => {
      const steps = drawSteps(new Random(seed), count);
      expect(drawSteps(new Random(seed), count)).toEqual(steps);
      expect(parseSteps(steps.map(textOf).join(', '))).toEqual(steps);
      const members = membersAtStart();
      for (const step of steps) {
        const member = members[step.node];
        expect(member && canBe(step.action, member), textOf(step)).toBe(true);
        applyTo(members, step);
      }
    }),
  );
  expect(() => parseSteps('kill 0, kill 7')).toThrow('kill 7');
});

test('every behaviour of the watchdog in the document has a sequence that can be run, and the other way round', () => {
  const document = readFileSync(new URL('../../docs/pgpool-observed.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| (W\d+) \| `([^`]+)` \|/gm)].map(([, id, sequence]) => ({
    id,
    sequence,
  }));
  expect(rows).toEqual(observedWatchdog);
  for (const { sequence } of observedWatchdog) expect(() => parseSteps(sequence)).not.toThrow();
});
