import type { Problem } from '../kernel/errors.ts';
import type { DrillKind, ScenarioFile } from '../scenario/scenario-shape.ts';
import type { Source } from '../scenario/source.ts';
import type { ClusterView, DrillAction } from './world.ts';

/** One planned drill; `target` is null where the moment decides. */
export interface PlannedDrill {
  id: string;
  kind: DrillKind;
  target: string | null;
  atMs: number;
  /** It is ended again after so long; null: not by the scenario. */
  lastsMs: number | null;
}

/** What a drill kind needs and what it does. */
export interface Drill {
  /** May be aimed at a named server. */
  takesTarget: boolean;
  /** Kinds one of which must stand before it in the scenario. */
  after: readonly DrillKind[];
  /** The actions on the cluster as it is at that moment, the last of which is the drill, and the server it is about; a text says why there are none. */
  inject(view: ClusterView, target: string | null): Injection | string;
  /** What ends it again, for a drill with `lasts`; left out where only an operator's work does. */
  heal?(target: string): DrillAction;
}

export interface Injection {
  actions: readonly DrillAction[];
  target: string;
}

const efm = (server: string, ...args: string[]): DrillAction => ({ type: 'efm', server, args });

/** EFM's name of the cluster is filled in by the world. */
export const clusterArgument = '<cluster>';

const addressArgument = (server: string): string => `<address of ${server}>`;

/** The server whose address (as EFM knows it) a world fills in for this argument; undefined for any other. */
export function serverOfAddressArgument(argument: string): string | undefined {
  return /^<address of (.+)>$/.exec(argument)?.[1];
}

const actionTo =
  (type: Exclude<Extract<DrillAction, { server: string }>['type'], 'efm' | 'rebuildServer'>) =>
  (server: string): DrillAction => ({ type, server });

/** A kind that does one thing to one server: the one named, else the one that `choose` finds. */
function onServer(
  act: (server: string) => DrillAction,
  choose: (view: ClusterView) => string | null,
  { otherwise, heal }: { otherwise: string; heal?: (server: string) => DrillAction },
): Drill {
  const drill: Drill = {
    takesTarget: true,
    after: [],
    inject(view, named) {
      const target = named ?? choose(view);
      return target ? { actions: [act(target)], target } : otherwise;
    },
  };
  return heal ? { ...drill, heal } : drill;
}

const thePrimary = ({ primary }: ClusterView): string | null => primary;
const aStandby = ({ standbys }: ClusterView): string | null => standbys.at(-1) ?? null;
const startAgent = actionTo('startAgent');
const noPrimary = 'there is no primary';
const noStandby = 'there is no standby';

/** Kinds that leave a server without its database. */
const killing: readonly DrillKind[] = ['failover', 'node-loss', 'standby-down', 'standby-node-loss'];

/** Every kind of drill. What each does to a server is docs/method.md's, what the cluster then does its own affair. */
export const drills: Readonly<Record<DrillKind, Drill>> = {
  switchover: {
    takesTarget: false,
    after: [],
    inject({ primary, agentBeside }) {
      const server = agentBeside(primary);
      if (!primary || !server) return 'there is no primary to switch over';
      return { actions: [efm(server, 'promote', clusterArgument, '-switchover')], target: primary };
    },
  },
  /** The primary of the start becomes it again: first in the priority list, then a switchover (method.md EFM 2.8). */
  switchback: {
    takesTarget: false,
    after: ['switchover', 'failover'],
    inject({ primary, primaryAtStart, agentBeside }) {
      const server = agentBeside(primary);
      if (!primary || !server) return 'there is no primary to switch over';
      if (!primaryAtStart || primaryAtStart === primary) return `${primary} already is the primary again`;
      const first = efm(server, 'set-priority', clusterArgument, addressArgument(primaryAtStart), '1');
      return { actions: [first, efm(server, 'promote', clusterArgument, '-switchover')], target: primary };
    },
  },
  failover: {
    takesTarget: false,
    after: [],
    inject({ primary }) {
      if (!primary) return 'there is no primary to kill';
      return { actions: [{ type: 'killServer', server: primary }], target: primary };
    },
  },
  'node-loss': onServer(actionTo('loseNode'), thePrimary, { otherwise: noPrimary }),
  'agent-kill': onServer(actionTo('killAgent'), thePrimary, { otherwise: noPrimary, heal: startAgent }),
  'agent-stop': onServer(actionTo('stopAgent'), thePrimary, { otherwise: noPrimary, heal: startAgent }),
  'standby-down': onServer(actionTo('killServer'), aStandby, { otherwise: noStandby }),
  'standby-node-loss': onServer(actionTo('loseNode'), aStandby, { otherwise: noStandby }),
  'witness-loss': onServer(actionTo('loseNode'), ({ witness }) => witness, {
    otherwise: 'the cluster has no witness',
  }),
  'pgpool-loss': onServer(actionTo('killPgpool'), ({ pgpool }) => pgpool, {
    otherwise: 'the cluster has no Pgpool',
    heal: actionTo('startPgpool'),
  }),
  hang: onServer(actionTo('hangServer'), thePrimary, { otherwise: noPrimary, heal: actionTo('wakeServer') }),
  partition: onServer((server) => ({ type: 'partition', sides: [[server]] }), thePrimary, {
    otherwise: noPrimary,
    heal: () => ({ type: 'heal' }),
  }),
  rebuild: {
    takesTarget: true,
    after: [...killing, 'hang', 'partition'],
    inject({ primary, lastFailed }, target) {
      const server = target ?? lastFailed;
      if (!server) return 'no server has failed';
      if (!primary) return 'there is no primary to rebuild from';
      return { actions: [{ type: 'rebuildServer', server, primary }], target: server };
    },
  },
  resume: {
    takesTarget: true,
    after: ['rebuild', 'hang', 'partition'],
    inject({ lastFailed }, target) {
      const server = target ?? lastFailed;
      if (!server) return 'no server has failed';
      return { actions: [efm(server, 'resume', clusterArgument)], target: server };
    },
  },
};

/** The drills of a scenario in order of time, each with an id. */
export function planDrills(scenario: ScenarioFile): PlannedDrill[] {
  const counts = new Map<string, number>();
  return [...scenario.drills]
    .sort((a, b) => a.at - b.at)
    .map(({ id, kind, target, at, lasts }) => {
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      const name = id ?? (count === 1 ? kind : `${kind}-${count}`);
      return { id: name, kind, target: target ?? null, atMs: at, lastsMs: lasts ?? null };
    });
}

/** Rules between the drills of a scenario, its phases and the cluster. */
export function checkDrills(source: Source<ScenarioFile>, serverNames: readonly string[]): Problem[] {
  const { value: scenario, placeOf } = source;
  const problems: Problem[] = [];
  const endMs = scenario.phases.warmup + scenario.phases.measure;
  const ids = new Set<string>();
  for (const [index, { id, kind, at, target, lasts }] of scenario.drills.entries()) {
    const add = (key: string, rule: string, message: string, hint?: string): void => {
      problems.push({ place: placeOf(['drills', index, key]), rule, message, ...(hint ? { hint } : {}) });
    };
    const drill = drills[kind];
    if (at <= scenario.phases.warmup || at >= endMs) {
      const range = `between the end of warm-up (${scenario.phases.warmup / 1000} s) and the end of the load (${endMs / 1000} s)`;
      add('at', 'drill-in-measure', `drill ${kind} at ${at / 1000} s must lie ${range}`);
    }
    if (target !== undefined && !drill.takesTarget) {
      add(
        'target',
        'drill-target',
        `${kind} takes no target: it is about the primary of that moment; got "${target}"`,
      );
    } else if (target !== undefined && !serverNames.includes(target)) {
      add(
        'target',
        'known-server',
        `the cluster has no server "${target}"`,
        `it has ${serverNames.join(', ')}`,
      );
    }
    if (lasts !== undefined && !drill.heal) {
      add('lasts', 'drill-lasts', `${kind} is not ended by the scenario, so it takes no lasts`);
    } else if (lasts !== undefined && at + lasts >= endMs) {
      add('lasts', 'drill-lasts', `${kind} would last beyond the end of the load (${endMs / 1000} s)`);
    }
    const earlier = scenario.drills.some((other) => drill.after.includes(other.kind) && other.at < at);
    if (drill.after.length > 0 && !earlier) {
      add('kind', 'drill-order', `${kind} needs a ${drill.after.join(' or ')} before it`);
    }
    if (id !== undefined && ids.has(id)) add('id', 'unique-id', `two drills have the id "${id}"`);
    if (id !== undefined) ids.add(id);
  }
  return problems;
}
