import type { Model } from '../../scenario/model-shape.ts';
import { valuesOf } from '../../topology/config/document.ts';
import { guessPgpoolVersion } from '../../topology/config/guess.ts';
import { parsePgpoolDocument } from '../../topology/config/pgpool-document.ts';
import { pgpoolConfOf } from '../../topology/pgpool-conf-of.ts';

type Servers = Model['servers'];

/**
 * The guide's arrangement with as many databases as a pgpool.conf has backends, the first of them the primary, and with its
 * Pgpools: the one of the guide's witness; or, with a watchdog that lists several, one at the host of each backend that
 * it names, and the others on the witness and on servers of their own.
 */
export function serversFor(
  { file, text, version }: { file: string; text: string; version: string | undefined },
  guide: Servers,
): Servers {
  const document = parsePgpoolDocument(text, file, {});
  const values = valuesOf(document);
  const conf = pgpoolConfOf(values, version ?? guessPgpoolVersion(document).version);
  const witnesses = guide.filter(({ postgres }) => !postgres);
  const count = conf.backends.length || guide.length - witnesses.length;
  const databases: Servers = Array.from({ length: count }, (_, id) => ({
    name: `server${id + 1}`,
    address: addressOf(id),
    postgres: { role: id === 0 ? ('primary' as const) : ('standby' as const) },
    efm: { witness: false, properties: {} },
  }));
  const others: Servers = witnesses.map((server, index) => ({
    ...server,
    name: index === 0 ? 'witness' : `witness${index + 1}`,
    address: addressOf(count + index),
  }));
  const members = conf.watchdog?.nodes ?? [];
  if (members.length < 2) return [...databases, ...others];
  return withMembers(
    [...databases, ...others.map(({ pgpool: _, ...server }) => server)],
    members.map(({ host }) => conf.backends.findIndex((backend) => backend.host === host)),
  );
}

/** @param backendOf by member of the watchdog: the backend whose host it shares, below 0 where it shares none */
function withMembers(servers: Servers, backendOf: readonly number[]): Servers {
  const placed = [...servers];
  const free = placed.findIndex(({ postgres }) => !postgres);
  let witness = free < 0 ? null : free;
  for (const [id, backend] of backendOf.entries()) {
    const position: number | null = backend >= 0 ? backend : witness;
    if (backend < 0) witness = null;
    const server = position === null ? undefined : placed[position];
    if (position !== null && server) placed[position] = { ...server, pgpool: server.pgpool ?? {} };
    else placed.push({ name: `pgpool${id + 1}`, address: addressOf(placed.length), pgpool: {} });
  }
  return placed;
}

/** Of the range for documentation (RFC 5737). */
const addressOf = (position: number): string => `192.0.2.${position + 1}`;
