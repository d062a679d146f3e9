import type { BackendStatusEvent, RecordedEvent, ServerRoleEvent } from '../recording/events.ts';
import type { Stretch } from './frame.ts';
import { within } from './frame.ts';

type Role = ServerRoleEvent['role'];

/** Who was what, when, as the observers saw it; what they never saw is null. */
export class ClusterHistory {
  readonly #roles: readonly ServerRoleEvent[];
  readonly #statuses: readonly BackendStatusEvent[];

  constructor(events: readonly RecordedEvent[]) {
    this.#roles = events.filter((event): event is ServerRoleEvent => event.type === 'serverRole');
    this.#statuses = events.filter((event): event is BackendStatusEvent => event.type === 'backendStatus');
  }

  /** Role of a server at an instant: the last one seen up to then. */
  roleAt(server: string, atMs: number): Role | null {
    return this.#roles.findLast((event) => event.server === server && event.atMs <= atMs)?.role ?? null;
  }

  /** The server last seen becoming primary among those that were primary at an instant. */
  primaryAt(atMs: number): string | null {
    const seen = this.#roles.findLast(
      (event) =>
        event.atMs <= atMs && event.role === 'primary' && this.roleAt(event.server, atMs) === 'primary',
    );
    return seen?.server ?? null;
  }

  /**
   * The server that was primary up to an instant. A server killed at that very instant (in virtual time its loss is seen
   * at once) still counts.
   */
  primaryBefore(atMs: number): string | null {
    return this.primaryAt(atMs - 0.001);
  }

  /** The server last seen becoming primary up to an instant, whether it still was or not. */
  lastPrimaryBy(atMs: number): string | null {
    return this.#roles.findLast((event) => event.atMs <= atMs && event.role === 'primary')?.server ?? null;
  }

  /** Whether some Pgpool used a server at an instant; null before the first sight of it. */
  attachedAt(server: string, atMs: number): boolean | null {
    const latest = new Map<string, BackendStatusEvent>();
    for (const event of this.#statuses) {
      if (event.server === server && event.atMs <= atMs) latest.set(event.pgpool, event);
    }
    return latest.size === 0 ? null : [...latest.values()].some(({ status }) => isInUse(status));
  }

  /** Instants in a stretch at which a server left or came back to the use of a Pgpool. */
  changesOf(server: string, { startMs, endMs }: Stretch): { atMs: number; to: 'out' | 'in' }[] {
    const changes: { atMs: number; to: 'out' | 'in' }[] = [];
    const inUse = new Map<string, boolean>();
    for (const event of this.#statuses) {
      if (event.server !== server || event.atMs >= endMs) continue;
      const before = inUse.get(event.pgpool);
      const after = isInUse(event.status);
      inUse.set(event.pgpool, after);
      if (before === undefined || before === after || event.atMs < startMs) continue;
      changes.push({ atMs: event.atMs, to: after ? 'in' : 'out' });
    }
    return changes;
  }

  /** First instant in a stretch at which a Pgpool lists a server as its primary and in use; null if none. */
  listedPrimaryAt(server: string, { startMs, endMs }: Stretch): number | null {
    const listed = this.#statuses.find(
      (event) =>
        event.server === server &&
        within(event.atMs, { startMs, endMs }) &&
        event.role === 'primary' &&
        isInUse(event.status),
    );
    return listed?.atMs ?? null;
  }

  /** Stretches in which two servers were seen as primary at once. @param endMs end of what was observed */
  doublePrimaries(endMs: number): (Stretch & { servers: string[] })[] {
    const found: (Stretch & { servers: string[] })[] = [];
    const primaries = new Map<string, number>();
    const note = (atMs: number): void => {
      const servers = [...primaries.keys()];
      const startMs = Math.max(...primaries.values());
      if (servers.length > 1 && atMs > startMs) found.push({ startMs, endMs: atMs, servers });
    };
    for (const { server, role, atMs } of this.#roles) {
      if (role === 'primary') {
        if (primaries.has(server)) continue;
        note(atMs);
        primaries.set(server, atMs);
      } else if (primaries.has(server)) {
        note(atMs);
        primaries.delete(server);
      }
    }
    note(endMs);
    return found;
  }
}

function isInUse(status: BackendStatusEvent['status']): boolean {
  return status === 'up' || status === 'waiting';
}
