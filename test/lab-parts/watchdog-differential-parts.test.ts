import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../src/kernel/random.ts';
import { readInfo, readNodes, readRuns } from '../lab/watchdog-differential-observe.ts';
import { observedWatchdog } from '../lab/watchdog-differential-observed.ts';
import { profileNamed, profileOfSeed } from '../lab/watchdog-differential-profiles.ts';
import {
  applyTo,
  canBe,
  drawSteps,
  parseSequence,
  sceneAtStart,
  textOf,
} from '../lab/watchdog-differential-steps.ts';

// Goal: the harness that compares real watchdogs with the statecharts does not fool itself.
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

const ids = [0, 1, 2];

/** As `pcp_node_info -a -v` of 4.3.5 prints it. */
const nodes = `Hostname               : 10.99.0.1
Port                   : 5432
Status                 : 1
Weight                 : 0.500000
Status Name            : waiting
Backend Status Name    : up
Role                   : primary
Backend Role           : primary
Replication Delay      : 0

Hostname               : 10.99.0.2
Port                   : 5432
Status                 : 3
Weight                 : 0.500000
Status Name            : quarantine
Backend Status Name    : down
Role                   : standby
Backend Role           : unknown
Replication Delay      : 0
`;

test('backends are read as the Pgpool has them, not as they answer; a waiting one counts as up', () => {
  expect(readNodes(nodes)).toBe('up:p quarantine:s');
});

test('what escalations have run is read in order', () => {
  expect(readRuns('escalation\nup\narping\nde-escalation\ndown\n')).toBe('euadd');
  expect(readRuns('')).toBe('');
});

test('an answer of pcp_watchdog_info is read from the side of the node that gave it', () => {
  const leader = { state: 'LEADER', leader: 1, quorum: 'QUORUM EXIST', escalated: true, sees: [2] };
  expect(readInfo(answer, 1, ids)).toEqual(leader);
  expect(readInfo(answer, 2, ids)).toMatchObject({ state: 'STANDBY', leader: 1, quorum: null, sees: [1] });
  expect(readInfo('ERROR: connection to host failed', 1, ids)).toBeNull();
});

test('a seed draws the same steps, each one possible as the Pgpools are then, and they are read as they are written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 20 }), (seed, count) => {
      const profile = profileOfSeed(seed);
      const steps = drawSteps(profile, new Random(seed), count);
      expect(drawSteps(profile, new Random(seed), count)).toEqual(steps);
      const text = `${profile.name}: ${steps.map(textOf).join(', ')}`;
      expect(parseSequence(text)).toEqual({ profile, steps });
      const scene = sceneAtStart(profile);
      for (const step of steps) {
        expect(canBe(scene, step), textOf(step)).toBe(true);
        applyTo(scene, step);
      }
    }),
  );
  expect(() => parseSequence('kill 0, kill 7')).toThrow('kill 7');
  expect(() => parseSequence('nine: kill 0')).toThrow('nine');
  expect(parseSequence('kill 0').profile).toBe(profileNamed('three'));
});

test('every behaviour of the watchdog in the document has a sequence that can be run, and the other way round', () => {
  const document = readFileSync(new URL('../../docs/pgpool-observed.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| (W\d+) \| `([^`]+)` \|/gm)].map(([, id, sequence]) => ({
    id,
    sequence,
  }));
  expect(rows).toEqual(observedWatchdog);
  for (const { sequence } of observedWatchdog) expect(() => parseSequence(sequence)).not.toThrow();
});
