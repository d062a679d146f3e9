import type { Problem } from '../kernel/errors.ts';
import { type DrillKind, drillKinds, type ScenarioFile } from '../scenario/scenario-shape.ts';
import type { Source } from '../scenario/source.ts';
import type { ClusterView, DrillAction } from './world.ts';

/** One planned drill; `target` is null where the moment decides. */
export interface PlannedDrill {
  id: string;
  kind: DrillKind;
  target: string | null;
  atMs: number;
}

/** What a drill kind needs and what it does. */
export interface Drill {
  /** May be aimed at a named server. */
  takesTarget: boolean;
  /** Kinds one of which must stand before it in the scenario. */
  after: readonly DrillKind[];
  /** The action on the cluster as it is at that moment, and the server it is about; a text says why there is none. */
  inject(view: ClusterView, target: string | null): { action: DrillAction; target: string } | string;
}

const efm = (server: string, ...args: string[]): DrillAction => ({ type: 'efm', server, args });

/** EFM's name of the cluster is filled in by the world. */
export const clusterArgument = '<cluster>';

/** The drills of this release by kind. */
export const drills: Partial<Record<DrillKind, Drill>> = {
  switchover: {
    takesTarget: false,
    after: [],
    inject({ primary, agentBeside }) {
      const server = agentBeside(primary);
      if (!primary || !server) return 'there is no primary to switch over';
      return { action: efm(server, 'promote', clusterArgument, '-switchover'), target: primary };
    },
  },
  failover: {
    takesTarget: false,
    after: [],
    inject({ primary }) {
      if (!primary) return 'there is no primary to kill';
      return { action: { type: 'killServer', server: primary }, target: primary };
    },
  },
  rebuild: {
    takesTarget: true,
    after: ['failover'],
    inject({ primary, lastFailed }, target) {
      const server = target ?? lastFailed;
      if (!server) return 'no server has failed';
      if (!primary) return 'there is no primary to rebuild from';
      return { action: { type: 'rebuildServer', server, primary }, target: server };
    },
  },
  resume: {
    takesTarget: true,
    after: ['rebuild'],
    inject({ lastFailed }, target) {
      const server = target ?? lastFailed;
      if (!server) return 'no server has failed';
      return { action: efm(server, 'resume', clusterArgument), target: server };
    },
  },
};

/** The drills of a scenario in order of time, each with an id. */
export function planDrills(scenario: ScenarioFile): PlannedDrill[] {
  const counts = new Map<string, number>();
  return [...scenario.drills]
    .sort((a, b) => a.at - b.at)
    .map(({ id, kind, target, at }) => {
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      return { id: id ?? (count === 1 ? kind : `${kind}-${count}`), kind, target: target ?? null, atMs: at };
    });
}

/** Rules between the drills of a scenario, its phases and the cluster. */
export function checkDrills(source: Source<ScenarioFile>, serverNames: readonly string[]): Problem[] {
  const { value: scenario, placeOf } = source;
  const problems: Problem[] = [];
  const endMs = scenario.phases.warmup + scenario.phases.measure;
  const ids = new Set<string>();
  for (const [index, { id, kind, at, target }] of scenario.drills.entries()) {
    const add = (key: string, rule: string, message: string, hint?: string): void => {
      problems.push({ place: placeOf(['drills', index, key]), rule, message, ...(hint ? { hint } : {}) });
    };
    const drill = drills[kind];
    if (!drill) {
      const known = drillKinds.filter((name) => drills[name]).join(', ');
      add('kind', 'runnable-drill', `drill kind ${kind} is not in this release`, `it has ${known}`);
      continue;
    }
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
    const earlier = scenario.drills.some((other) => drill.after.includes(other.kind) && other.at < at);
    if (drill.after.length > 0 && !earlier) {
      add('kind', 'drill-order', `${kind} needs a ${drill.after.join(' or ')} before it`);
    }
    if (id !== undefined && ids.has(id)) add('id', 'unique-id', `two drills have the id "${id}"`);
    if (id !== undefined) ids.add(id);
  }
  return problems;
}
