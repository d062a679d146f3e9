import type { Place } from '../kernel/errors.ts';

type Path = readonly (string | number)[];
type Entry = Record<string, unknown>;

/** A value that was changed after it was read, and where its parts come from. */
export interface Reshaped {
  value: unknown;
  /** The path that a part has in the file, or a place outside it. */
  originOf(path: Path): Path | Place;
}

/** The names that mean which servers a model has and what they carry, instead of a path to a value. */
export const reshapings: readonly string[] = ['standbys', 'pgpoolServer'];

/** One of the `reshapings` with its value and its place on the command line. */
interface Reshaping {
  path: string;
  value: string;
  place: Place;
}

interface Refusal {
  problem: { rule: string; message: string; hint?: string };
}

/** The servers of a model as read, each with its index in the file; null for one that was added. */
interface Roster {
  servers: { entry: Entry; origin: number | null }[];
}

/**
 * Changes which servers a model has. `standbys` drops the last standbys or adds copies of the last one, with names and
 * addresses of their own; `pgpoolServer` puts Pgpool on the named server. A model that is no model yet stays as it is: its
 * own check tells why.
 */
export function reshapeModel(base: Reshaped, reshaping: Reshaping): Reshaped | Refusal {
  const { value } = base;
  if (!isEntry(value) || !Array.isArray(value.servers) || !value.servers.every(isEntry)) return base;
  const roster: Roster = { servers: value.servers.map((entry, index) => ({ entry, origin: index })) };
  const change = reshaping.path === 'standbys' ? withStandbys : withPgpoolOn;
  const changed = change(roster, reshaping.value);
  if ('problem' in changed) return changed;
  return {
    value: { ...value, servers: changed.servers.map(({ entry }) => entry) },
    originOf: (path) => {
      const [first, index, ...rest] = path;
      if (first !== 'servers' || typeof index !== 'number') return base.originOf(path);
      const origin = changed.servers[index]?.origin;
      return origin == null ? reshaping.place : base.originOf([first, origin, ...rest]);
    },
  };
}

function withStandbys(roster: Roster, text: string): Roster | Refusal {
  const wanted = Number(text);
  if (!/^\d+$/.test(text) || wanted < 1 || wanted > 127)
    return refuse('standbys', `standbys is a whole number from 1 to 127, got "${text}"`);
  const standbys = roster.servers.filter(({ entry }) => roleOf(entry) === 'standby');
  const surplus = standbys.length - wanted;
  if (surplus > 0) {
    const dropped = standbys.filter(({ entry }) => entry.pgpool === undefined).slice(-surplus);
    if (dropped.length < surplus) {
      const message = `standbys=${text} would drop the server that carries Pgpool-II`;
      return refuse('standbys', message, 'move it first: --set pgpoolServer=NAME before --set standbys=…');
    }
    return { servers: roster.servers.filter((server) => !dropped.includes(server)) };
  }
  let { servers } = roster;
  for (let missing = -surplus; missing > 0; missing -= 1) {
    const next = copyOfLastStandby(servers);
    if ('problem' in next) return next;
    const last = servers.findLastIndex(({ entry }) => entry.postgres !== undefined);
    servers = servers.toSpliced(last + 1, 0, { entry: next.entry, origin: null });
  }
  return { servers };
}

/** A standby like the last one; behind it, so that no server's node id changes. */
function copyOfLastStandby(servers: Roster['servers']): { entry: Entry } | Refusal {
  const entries = servers.map(({ entry }) => entry);
  const last = entries.findLast((entry) => roleOf(entry) === 'standby');
  if (!last) return refuse('standbys', 'the model has no standby to add copies of');
  const address = freeAddress(entries, last);
  if (address === undefined) {
    const message = `no address is free beside ${String(last.address)} for another standby`;
    return refuse('standbys', message);
  }
  const { pgpool: _pgpool, ...parts } = last;
  const entry: Entry = { ...parts, name: freeName(entries, last), address };
  if (isEntry(last.efm)) {
    const { file: _file, ...efm } = last.efm;
    entry.efm = efm;
  }
  return { entry };
}

/** The next number behind the name of a server: server4 after server3. */
function freeName(entries: readonly Entry[], { name }: Entry): string {
  const stem = String(name).replace(/\d+$/, '');
  const numbers = entries.flatMap((entry) => {
    const own = String(entry.name);
    const rest = own.startsWith(stem) ? own.slice(stem.length) : '';
    return /^\d+$/.test(rest) ? [Number(rest)] : [];
  });
  return `${stem}${Math.max(1, ...numbers) + 1}`;
}

/** The first address above all others of the same 256, else the first free one. */
function freeAddress(entries: readonly Entry[], { address }: Entry): string | undefined {
  const parts = /^(\d+\.\d+\.\d+\.)\d+$/.exec(String(address));
  const net = parts?.[1];
  if (net === undefined) return undefined;
  const taken = entries.flatMap((entry) => {
    const own = String(entry.address);
    return own.startsWith(net) ? [Number(own.slice(net.length))] : [];
  });
  const above = Math.max(...taken) + 1;
  if (above <= 254) return `${net}${above}`;
  for (let host = 1; host <= 254; host += 1) if (!taken.includes(host)) return `${net}${host}`;
  return undefined;
}

function withPgpoolOn(roster: Roster, name: string): Roster | Refusal {
  const { servers } = roster;
  const carriers = servers.filter(({ entry }) => entry.pgpool !== undefined);
  const [carrier] = carriers;
  if (!carrier || carriers.length > 1) {
    const message = `pgpoolServer moves the only Pgpool-II of a model; this one has ${carriers.length}`;
    return refuse('pgpool-server', message);
  }
  const names = servers.map(({ entry }) => String(entry.name));
  if (!names.includes(name)) {
    const message = `pgpoolServer=${name}: the model has no such server`;
    return refuse('pgpool-server', message, `it has ${names.join(', ')}`);
  }
  if (carrier.entry.name === name) return roster;
  const { pgpool, ...left } = carrier.entry;
  return {
    servers: servers.flatMap((server) => {
      if (server === carrier) {
        const isEmpty = left.postgres === undefined && left.efm === undefined;
        return isEmpty ? [] : [{ ...server, entry: left }];
      }
      return [server.entry.name === name ? { ...server, entry: { ...server.entry, pgpool } } : server];
    }),
  };
}

function refuse(rule: string, message: string, hint?: string): Refusal {
  return { problem: { rule, message, ...(hint === undefined ? {} : { hint }) } };
}

function roleOf({ postgres }: Entry): unknown {
  return isEntry(postgres) ? postgres.role : undefined;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
