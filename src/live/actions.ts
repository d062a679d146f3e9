import { clusterArgument, serverOfAddressArgument } from '../drills/catalogue.ts';
import type { ActionResult, DrillAction } from '../drills/world.ts';
import type { Lab } from '../lab/lab.ts';
import type { DrillKind } from '../scenario/scenario-shape.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import { runEfm } from './efm-call.ts';

/** Kinds that the lab cannot do: its servers share one network, in which nothing can be cut between two of them. */
export const refusals: Readonly<Partial<Record<DrillKind, string>>> = {
  partition:
    'to cut the network between servers needs a network namespace for each, which the lab has not yet',
};

/**
 * Does to a lab's servers what a drill asks for; the watch hears beforehand of a PostgreSQL that is taken away.
 *
 * @throws DrillError when a server has no such part, or it does not end or start
 */
export async function carryOut(
  action: DrillAction,
  { lab, watch }: { lab: Lab; watch: ClusterWatch | null },
): Promise<ActionResult> {
  switch (action.type) {
    case 'efm': {
      const { efmCluster, servers } = lab.cluster;
      const addressOf = (word: string): string | undefined =>
        servers.find(({ name }) => name === serverOfAddressArgument(word))?.address;
      const words = action.args.map((word) =>
        word === clusterArgument ? efmCluster : (addressOf(word) ?? word),
      );
      return runEfm(lab.efmCommand(action.server), words);
    }
    case 'killServer': {
      watch?.failed(action.server);
      const detail = `${await lab.killServer(action.server)} processes`;
      // Until the last of them was gone its agent may have had an answer, and written that it monitors.
      watch?.failed(action.server);
      return { ok: true, detail };
    }
    case 'rebuildServer': {
      const detail = await lab.rebuildServer(action.server, action.primary);
      await lab.faults.startAgent(action.server);
      return { ok: true, detail };
    }
    case 'hangServer':
    case 'loseNode':
      if (lab.hasPostgres(action.server)) watch?.failed(action.server);
      return { ok: true, detail: await lab.faults[action.type](action.server) };
    case 'partition':
    case 'heal':
      return { ok: false, detail: refusals.partition ?? null };
    default:
      return { ok: true, detail: await lab.faults[action.type](action.server) };
  }
}
