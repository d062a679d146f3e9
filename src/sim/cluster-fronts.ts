import type { Clock } from '../kernel/clock.ts';
import type { RecordedEventWithoutTime } from '../roles/host.ts';
import type { Cluster } from '../topology/cluster.ts';
import { pgpoolNumber } from '../topology/pgpool-conf.ts';
import type { Draws } from './draws.ts';
import { Escalation } from './escalation.ts';
import type { PgpoolFrontOptions } from './front-options.ts';
import type { Network } from './network.ts';
import { PgpoolFront } from './pgpool-front.ts';
import { PgpoolFronts } from './pgpool-fronts.ts';
import type { WatchdogSeat } from './pgpool-process.ts';
import { childLimitsOf, pgpoolSettingsOf } from './pgpool-settings.ts';
import type { Replication } from './replication.ts';
import type { SimServer } from './server.ts';
import { DelegateAddress, fixedAddress } from './service-address.ts';
import type { Station } from './station.ts';
import { WatchdogNet } from './watchdog-net.ts';
import { watchdogPlanOf } from './watchdog-settings.ts';

/** What the Pgpools of a cluster stand between. */
export interface FrontParts {
  clock: Clock;
  draws: Draws;
  network: Network;
  servers: readonly SimServer[];
  replication: Replication;
  stationOf(server: string): Station;
  primary: number;
  hasFollowCommand: boolean;
  follow: PgpoolFrontOptions['follow'];
  /** A command of the Pgpool at this place. */
  command(place: number, ...run: Parameters<NonNullable<PgpoolFrontOptions['command']>>): void;
  record(event: RecordedEventWithoutTime): void;
  /** The watchdog of a server has sent heartbeats. */
  beat(server: string): void;
}

/** Every Pgpool of a cluster, and the address at which clients find one of them. */
export function frontsOf(cluster: Cluster, parts: FrontParts): PgpoolFronts {
  const { clock, draws, network, servers, replication } = parts;
  const places = cluster.pgpools.length > 0 ? cluster.pgpools.map(({ server }) => server) : [''];
  const frontAt = (place: number): PgpoolFront => all[place] as PgpoolFront;
  const { seatOf, address } = watchdogOf(cluster, parts, { frontAt, moved: () => fronts.moved() });
  const all: readonly PgpoolFront[] = places.map((host, position) => {
    const watchdog = seatOf(position);
    return new PgpoolFront(clock, position === 0 ? draws : draws.part(`Pgpool ${position}`), {
      servers,
      network,
      host,
      station: parts.stationOf(host),
      weights: cluster.backends.map(({ weight }) => weight),
      childLimits: childLimitsOf(cluster),
      settings: pgpoolSettingsOf(cluster, parts.hasFollowCommand),
      primary: parts.primary,
      delayThresholdBytes: pgpoolNumber(cluster.pgpoolSettings, 'delay_threshold') ?? 0,
      delays: () => replication.delays(),
      follow: parts.follow,
      command: (run, done) => parts.command(position, run, done),
      ...(watchdog ? { watchdog } : {}),
    });
  });
  const fronts: PgpoolFronts = new PgpoolFronts(all, {
    address: address ?? fixedAddress(places[0] ?? ''),
    network,
  });
  return fronts;
}

/** What a cluster without a watchdog does not have. */
const alone: { seatOf(position: number): WatchdogSeat | null; address: DelegateAddress | null } = {
  seatOf: () => null,
  address: null,
};

function watchdogOf(
  cluster: Cluster,
  parts: FrontParts,
  { frontAt, moved }: { frontAt(place: number): PgpoolFront; moved(): void },
): typeof alone {
  const plan = watchdogPlanOf(cluster);
  if (!plan) return alone;
  const { clock, draws, network, record, beat } = parts;
  const address = plan.delegateIp === null ? null : new DelegateAddress(network, moved);
  const members = plan.identities.map(({ id }) => {
    const server = cluster.pgpools[id]?.server ?? '';
    const note = (moment: 'escalates' | 'commandEnded' | 'addressUp' | 'addressDown'): void =>
      record({ type: 'watchdog', pgpool: server, moment, state: 'LEADER' });
    const escalation = (): Escalation =>
      new Escalation(clock, draws.part(`watchdog ${id}`), { server, settings: { ...plan, address }, note });
    return { id, server, escalation };
  });
  const net = new WatchdogNet({
    clock,
    draws,
    network,
    members,
    queryLimitMs: plan.queryLimitMs,
    record,
    backends: cluster.backends.map(({ server }) => server),
    serves: (id) => frontAt(id).serves,
    ends: (id) => frontAt(id).kill(),
    changed: moved,
    beat,
  });
  return {
    seatOf: (position) => {
      const identity = plan.identities[position];
      return identity ? { identity, net } : null;
    },
    address,
  };
}
