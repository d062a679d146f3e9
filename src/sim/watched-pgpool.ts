import type { Clock } from '../kernel/clock.ts';
import { createPgpool, type Pgpool, type PgpoolHost, type PgpoolSettings } from '../roles/pgpool.ts';
import type { PgpoolState } from '../roles/pgpool-failover.ts';

/**
 * A Pgpool that tells `changed` when its state is another after what can change it: a request, a session's news, an
 * answer to a question of its own, one of its timers.
 */
export function watchedPgpool(
  host: PgpoolHost,
  { settings, shared, changed }: { settings: PgpoolSettings; shared: PgpoolState; changed: () => void },
): Pgpool {
  const then = <Args extends unknown[], Result>(act: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      const result = act(...args);
      tell();
      return result;
    };
  };
  let seen = '';
  const tell = (): void => {
    const { status, primary, main } = pgpool.state();
    const now = `${status.join()} ${primary} ${main} ${pgpool.switching()}`;
    if (now === seen) return;
    seen = now;
    changed();
  };
  const clock: Clock = {
    nowMs: () => host.clock.nowMs(),
    setTimeout: (fire, delayMs) => host.clock.setTimeout(then(fire), delayMs),
    clearTimeout: (id) => host.clock.clearTimeout(id),
  };
  const { checkReplication, forkChildren } = host;
  const watched: PgpoolHost = {
    ...host,
    clock,
    askRoles: (nodes, done) => host.askRoles(nodes, then(done)),
    ...(checkReplication
      ? { checkReplication: (nodes, done) => checkReplication.call(host, nodes, then(done)) }
      : {}),
    ...(forkChildren ? { forkChildren: (cut, done) => forkChildren.call(host, cut, then(done)) } : {}),
    runFollowCommand: (run, done) => host.runFollowCommand(run, then(done)),
  };
  const pgpool = createPgpool(watched, settings, shared);
  return {
    ...pgpool,
    detach: then(pgpool.detach),
    attach: then(pgpool.attach),
    promote: then(pgpool.promote),
    childEnded: then(pgpool.childEnded),
    sessionConnected: then(pgpool.sessionConnected),
    sessionSawShutdown: then(pgpool.sessionSawShutdown),
    sessionSawError: then(pgpool.sessionSawError),
  };
}
