import type { Place, Problem } from '../kernel/errors.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { Source } from '../scenario/source.ts';
import { checkAgreement } from './check-agreement.ts';
import { checkWatchdog } from './check-watchdog.ts';
import { checkEfmProperties } from './efm-properties.ts';
import { checkModelFiles, type ModelFiles, readModelFiles } from './model-files.ts';
import { checkPgpoolSettings } from './pgpool-settings.ts';

type Server = Model['servers'][number];

/**
 * Rules that hold between the parts of a cluster model, and between it and the files that it names; the problems of those
 * files too, each at its line.
 */
export function checkModel(source: Source<Model>, files: ModelFiles = readModelFiles(source)): Problem[] {
  return [
    ...checkServers(source),
    ...checkModelFiles(files, source),
    ...checkProperties(source, files),
    ...checkAgreement(source, files),
    ...checkWatchdog(source, files),
  ];
}

/** Rules between the servers of a model: names and addresses, one primary, a Pgpool, an agent for each database. */
export function checkServers({ value: model, placeOf }: Source<Model>): Problem[] {
  return [
    ...checkUnique(model, placeOf),
    ...checkRoles(model, placeOf),
    ...model.servers.flatMap((server, index) => checkServer(server, placeOf(['servers', index]))),
  ];
}

function checkServer(server: Server, place: Place): Problem[] {
  const problems: Problem[] = [];
  const { name, postgres, efm, pgpool } = server;
  if (!postgres && !efm && !pgpool) {
    problems.push({
      place,
      rule: 'server-has-part',
      message: `server ${name} has none of postgres, efm and pgpool`,
    });
  }
  if (postgres && efm?.witness) {
    problems.push({
      place,
      rule: 'witness-without-database',
      message: `server ${name} is a witness and has a database`,
    });
  }
  if (efm && !postgres && !efm.witness) {
    const message = `server ${name} has an EFM agent but no database and is no witness`;
    problems.push({ place, rule: 'agent-watches-something', message, hint: 'add efm: { witness: true }' });
  }
  if (postgres && !efm) {
    const message = `server ${name} has a database that no EFM agent watches`;
    problems.push({ place, rule: 'database-has-agent', message, hint: 'add efm: {}' });
  }
  return problems;
}

function checkUnique(model: Model, placeOf: Source<Model>['placeOf']): Problem[] {
  const problems: Problem[] = [];
  for (const key of ['name', 'address'] as const) {
    const seen = new Map<string, number>();
    for (const [index, server] of model.servers.entries()) {
      const first = seen.get(server[key]);
      if (first === undefined) seen.set(server[key], index);
      else {
        const message = `servers[${index}] has the ${key} of servers[${first}]: ${server[key]}`;
        problems.push({ place: placeOf(['servers', index, key]), rule: `unique-${key}`, message });
      }
    }
  }
  return problems;
}

function checkRoles(model: Model, placeOf: Source<Model>['placeOf']): Problem[] {
  const place = placeOf(['servers']);
  const databases = model.servers.filter((server) => server.postgres);
  const primaries = databases.filter((server) => server.postgres?.role === 'primary').map(({ name }) => name);
  const pgpools = model.servers.filter((server) => server.pgpool).length;
  const problems: Problem[] = [];
  if (primaries.length !== 1) {
    const found = primaries.length === 0 ? 'none' : primaries.join(', ');
    problems.push({ place, rule: 'one-primary', message: `a cluster has one primary; found ${found}` });
  }
  if (databases.length - primaries.length < 1) {
    problems.push({ place, rule: 'has-standby', message: 'a cluster has at least one standby; found none' });
  }
  if (pgpools === 0) {
    const message = 'no server of the model has a Pgpool-II';
    problems.push({ place, rule: 'has-pgpool', message, hint: 'give a server a pgpool: {} entry' });
  }
  return problems;
}

/** Settings written in the model itself. */
function checkProperties({ value: model, placeOf }: Source<Model>, files: ModelFiles): Problem[] {
  const check = (properties: Record<string, unknown>, path: (string | number)[]): Problem[] =>
    Object.entries(properties).flatMap(([name, value]) =>
      checkEfmProperties({ [name]: String(value) }, files.efmVersion).map((problem) => ({
        ...problem,
        place: placeOf([...path, name]),
      })),
    );
  const problems = check(model.efm.properties, ['efm', 'properties']);
  for (const [name, value] of Object.entries(model.pgpool.settings)) {
    const place = placeOf(['pgpool', 'settings', name]);
    for (const problem of checkPgpoolSettings({ [name]: String(value) }, files.pgpoolVersion))
      problems.push({ ...problem, place });
  }
  for (const [index, server] of model.servers.entries()) {
    if (server.efm) problems.push(...check(server.efm.properties, ['servers', index, 'efm', 'properties']));
  }
  return problems;
}
