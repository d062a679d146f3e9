import type { Problem } from '../kernel/errors.ts';
import type { Model } from '../scenario/model-shape.ts';
import type { Source } from '../scenario/source.ts';
import { type ConfigEntry, placeOf as placeOfEntry, valuesOf } from './config/document.ts';
import { pgpoolTruth } from './config/pgpool-values.ts';
import type { ModelFiles } from './model-files.ts';

/** Names of a pgpool.conf that list the members of its watchdog: from 4.2 on all, before only the others. */
const memberName = /^(hostname|other_pgpool_hostname)\d+$/;

/**
 * Several Pgpools of a model are one watchdog cluster, or nothing follows from the loss of one: they need `use_watchdog`, and a
 * pgpool.conf that lists its members lists those of the model. A model with one Pgpool has no watchdog, whatever its file says.
 */
export function checkWatchdog(source: Source<Model>, files: ModelFiles): Problem[] {
  const { value: model, placeOf } = source;
  const members = model.servers.filter(({ pgpool }) => pgpool);
  if (members.length < 2) return [];
  const written = files.pgpool ? valuesOf(files.pgpool) : {};
  const switched = String(model.pgpool.settings.use_watchdog ?? written.use_watchdog ?? 'off');
  if (pgpoolTruth(switched) === false) {
    const message = `the model has ${members.length} Pgpools and no watchdog (use_watchdog is ${switched}): nobody takes over for one that is lost`;
    const hint =
      "set use_watchdog: 'on' and delegate_IP in pgpool.settings, or give one server alone a pgpool: {} entry";
    return [{ place: placeOf(['pgpool']), rule: 'several-pgpools', message, hint }];
  }
  const listed = (files.pgpool?.entries ?? []).filter(
    ({ name, value }) => memberName.test(name) && value !== '',
  );
  return listed.length === 0 ? [] : checkMembers(members, listed);
}

function checkMembers(members: Model['servers'], listed: readonly ConfigEntry[]): Problem[] {
  const names = members.map(({ name }) => name).join(', ');
  const problems = listed
    .filter(
      ({ value }) =>
        !members.some(({ name, address }) => [address, name].includes(value) || value.split('.')[0] === name),
    )
    .map((entry) => ({
      place: placeOfEntry(entry),
      rule: 'watchdog-member',
      message: `${entry.name} is ${entry.value}, but no server of that address has a Pgpool in the model; it has them on ${names}`,
    }));
  const [first] = listed;
  const others = first?.name.startsWith('other') ? 1 : 0;
  if (problems.length > 0 || !first || listed.length + others === members.length) return problems;
  const message = `the file lists ${listed.length + others} members of the watchdog, but the model has ${members.length} Pgpools: ${names}`;
  return [{ place: placeOfEntry(first), rule: 'watchdog-member', message }];
}
