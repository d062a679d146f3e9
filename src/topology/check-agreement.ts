import type { Place, Problem } from '../kernel/errors.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { Source } from '../scenario/source.ts';
import {
  type ConfigDocument,
  type ConfigEntry,
  entryOf,
  placeOf as placeOfEntry,
} from './config/document.ts';
import type { ModelFiles } from './model-files.ts';

type Server = Model['servers'][number];

/** A value of a file and the one of the model that it must equal. */
interface Pair {
  document: ConfigDocument;
  name: string;
  /** As the model has it; undefined when the model leaves it to the file. */
  expected: string | number | boolean | undefined;
  path: (string | number)[];
  what: string;
}

/**
 * Where a cluster model and the files that it names contradict each other: backends of pgpool.conf and `servers[]` (address,
 * port, weight, number), ports of Pgpool and PCP, the agent that a server's own efm.properties is for, and addresses that no
 * server has. Both places are told. A host name stands for the server of that name, with or without its domain.
 */
export function checkAgreement(source: Source<Model>, files: ModelFiles): Problem[] {
  return [
    ...(files.pgpool ? checkBackends(source, files.pgpool) : []),
    ...(files.pgpool ? checkPgpoolPorts(source, files.pgpool) : []),
    ...checkAgents(source, files),
    ...checkPriorities(source, files),
  ];
}

function checkBackends(source: Source<Model>, document: ConfigDocument): Problem[] {
  const databases = source.value.servers
    .map((server, index) => ({ server, index }))
    .filter(({ server }) => server.postgres);
  const listed = document.entries.filter(
    ({ name, value }) => /^backend_hostname\d+$/.test(name) && value !== '',
  );
  if (listed.length === 0) return [];
  const problems = databases.flatMap(({ server, index }, id) =>
    backendProblems(source, { document, server, index, id }),
  );
  for (const entry of listed) {
    const id = Number(entry.name.replace('backend_hostname', ''));
    if (id < databases.length) continue;
    const message = `${entry.name} is ${entry.value}, but the model has ${databases.length} servers with PostgreSQL (${told(source.placeOf(['servers']))})`;
    problems.push({ place: placeOfEntry(entry), rule: 'backend-has-server', message });
  }
  return problems;
}

function backendProblems(
  source: Source<Model>,
  { document, server, index, id }: { document: ConfigDocument; server: Server; index: number; id: number },
): Problem[] {
  const host = entryOf(document, `backend_hostname${id}`);
  const path = ['servers', index];
  if (!host) {
    const message = `${server.name} is Pgpool's backend ${id}, but ${document.file} sets no backend_hostname${id}`;
    return [{ place: source.placeOf(path), rule: 'server-is-backend', message }];
  }
  const named = host.value.split('.')[0] === server.name;
  return [
    ...(named
      ? []
      : differing(source, {
          document,
          name: host.name,
          expected: server.address,
          path: [...path, 'address'],
          what: `the address of ${server.name}`,
        })),
    ...differing(source, {
      document,
      name: `backend_port${id}`,
      expected: server.postgres?.port,
      path: [...path, 'postgres', 'port'],
      what: `the port of ${server.name}`,
    }),
    ...differing(source, {
      document,
      name: `backend_weight${id}`,
      expected: server.postgres?.weight,
      path: [...path, 'postgres', 'weight'],
      what: `the weight of ${server.name}`,
    }),
  ];
}

function checkPgpoolPorts(source: Source<Model>, document: ConfigDocument): Problem[] {
  return source.value.servers.flatMap(({ name, pgpool }, index) => {
    if (!pgpool) return [];
    const path = ['servers', index, 'pgpool'];
    return [
      ...differing(source, {
        document,
        name: 'port',
        expected: pgpool.port,
        path: [...path, 'port'],
        what: `the port of ${name}'s Pgpool`,
      }),
      ...differing(source, {
        document,
        name: 'pcp_port',
        expected: pgpool.pcpPort,
        path: [...path, 'pcpPort'],
        what: `the PCP port of ${name}'s Pgpool`,
      }),
    ];
  });
}

/** A file of one server is for its agent; one of all servers may carry what is one server's, since only the rest of it is taken. */
function checkAgents(source: Source<Model>, files: ModelFiles): Problem[] {
  const { value: model, placeOf } = source;
  const problems = model.servers.flatMap((server, index) => {
    const document = files.ofServer.get(server.name);
    if (!document || !server.efm) return [];
    const path = ['servers', index, 'efm'];
    const bind = entryOf(document, 'bind.address');
    const address = bind?.value.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    const found: Problem[] = [];
    if (bind && address !== server.address && address !== server.name) {
      const message = `bind.address is ${bind.value}, but ${server.name} has the address ${server.address} (${told(placeOf(['servers', index, 'address']))})`;
      found.push({ place: placeOfEntry(bind), rule: 'file-agrees', message });
    }
    const port = bind && /:(\d+)$/.exec(bind.value)?.[1];
    if (port !== undefined && server.efm.port !== undefined && Number(port) !== server.efm.port) {
      const message = `bind.address has port ${port}, but the model gives ${server.name}'s agent ${server.efm.port} (${told(placeOf([...path, 'port']))})`;
      found.push({ place: bind ? placeOfEntry(bind) : placeOf(path), rule: 'file-agrees', message });
    }
    return [
      ...found,
      ...differing(source, {
        document,
        name: 'admin.port',
        expected: server.efm.adminPort,
        path: [...path, 'adminPort'],
        what: `the admin port of ${server.name}`,
      }),
      ...differing(source, {
        document,
        name: 'is.witness',
        expected: server.efm.witness,
        path,
        what: `whether ${server.name} is a witness`,
      }),
    ];
  });
  const bind = files.efm && entryOf(files.efm, 'bind.address');
  const addresses = model.servers.filter(({ efm }) => efm).flatMap(({ address, name }) => [address, name]);
  if (bind && bind.value !== '' && !addresses.includes(bind.value.replace(/:\d+$/, ''))) {
    const message = `bind.address is ${bind.value}; no server with an agent has that address (${told(placeOf(['servers']))})`;
    problems.push({ place: placeOfEntry(bind), rule: 'known-node', message });
  }
  return problems;
}

/** Standbys in priority.standbys must be servers of the model. */
function checkPriorities({ value: model, placeOf }: Source<Model>, files: ModelFiles): Problem[] {
  const known = model.servers.flatMap(({ address, name }) => [address, name]);
  const unknown = (list: string, place: Place): Problem[] =>
    list
      .split(/\s+/)
      .filter((address) => address !== '' && !known.includes(address))
      .map((address) => ({
        place,
        rule: 'known-node',
        message: `priority.standbys names ${address}; no server has that address`,
      }));
  const written: ConfigEntry[] = [files.efm, ...files.ofServer.values()].flatMap((document) => {
    const entry = document && entryOf(document, 'priority.standbys');
    return entry ? [entry] : [];
  });
  const inline = [
    { value: model.efm.properties['priority.standbys'], path: ['efm', 'properties', 'priority.standbys'] },
    ...model.servers.map(({ efm }, index) => ({
      value: efm?.properties['priority.standbys'],
      path: ['servers', index, 'efm', 'properties', 'priority.standbys'],
    })),
  ];
  return [
    ...written.flatMap((entry) => unknown(entry.value, placeOfEntry(entry))),
    ...inline.flatMap(({ value, path }) =>
      value === undefined ? [] : unknown(String(value), placeOf(path)),
    ),
  ];
}

/** A problem where the file says another value than the model does. */
function differing({ placeOf }: Source<Model>, { document, name, expected, path, what }: Pair): Problem[] {
  const entry = entryOf(document, name);
  if (!entry || entry.value === '' || expected === undefined) return [];
  const same =
    typeof expected === 'number' ? Number(entry.value) === expected : entry.value === String(expected);
  if (same) return [];
  const message = `${name} is ${entry.value}, but the model says ${expected} for ${what} (${told(placeOf(path))})`;
  return [{ place: placeOfEntry(entry), rule: 'file-agrees', message }];
}

function told({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}
