import { eachAgent } from './each.ts';
import {
  at,
  atLeast,
  databaseCount,
  hasPgpool,
  isOff,
  isOn,
  isWitness,
  type LintFiles,
  number,
  seconds,
  told,
  value,
  written,
} from './files.ts';
import type { Hit, Rule } from './rule.ts';

const properties = 'EDB docs, EFM cluster properties';

function checkMinimumStandbys(files: LintFiles): Hit[] {
  const standbys = databaseCount(files) - 1;
  if (standbys < 1) return [];
  return files.efm
    .filter((file) => number(file, 'minimum.standbys') > standbys - 1)
    .map((file) => ({
      place: at(file, 'minimum.standbys'),
      message: `${told(file, 'minimum.standbys')}, but a promotion leaves ${standbys - 1} of ${standbys} standbys`,
    }));
}

function checkPromotable({ efm }: LintFiles): Hit[] {
  const databases = efm.filter((file) => !isWitness(file));
  const first = databases.find((file) => isOff(file, 'promotable'));
  if (!first || databases.length < 2 || databases.some((file) => isOn(file, 'promotable'))) return [];
  return [
    { place: at(first, 'promotable'), message: `promotable=false on all ${databases.length} databases` },
  ];
}

function checkSlots({ efm, postgres }: LintFiles): Hit[] {
  if (!postgres || value(postgres, 'primary_slot_name') === '') return [];
  return efm
    .filter((file) => !isWitness(file) && !atLeast(file.version, '3.10') && isOn(file, 'auto.reconfigure'))
    .map((file) => ({
      place: at(file, 'auto.reconfigure'),
      message: `${told(file, 'auto.reconfigure')} with ${told(postgres, 'primary_slot_name')}`,
    }));
}

/** Two agents, unless the backends say that the cluster has more and their files were not given. */
function checkTwoAgents(files: LintFiles): Hit[] {
  const [first, , third] = files.efm;
  if (!first || files.efm.length < 2 || third || databaseCount(files) > 2) return [];
  return [
    { place: at(first, 'bind.address'), message: 'the files of 2 agents were given, and none of a third' },
  ];
}

/** A timeout within one period runs out by itself; within two, one slow answer is enough. */
function checkLocalPeriod({ efm }: LintFiles): Hit[] {
  return efm.flatMap((file) => {
    const [period, timeout] = [seconds(file, 'local.period'), seconds(file, 'local.timeout')];
    if (isWitness(file) || !(2 * period > timeout)) return [];
    const message = `${told(file, 'local.period')} with ${told(file, 'local.timeout')}`;
    return [{ place: at(file, 'local.period'), message, severity: period >= timeout ? 'error' : 'warning' }];
  });
}

/** When EFM fails over, and to what. */
export const efmDecisionRules: readonly Rule[] = [
  {
    id: 'efm-auto-failover-off',
    severity: 'warning',
    title: 'EFM does not fail over',
    consequence:
      'A dead primary is detected and detached, and nothing is promoted: writes stay out until a person runs efm promote.',
    fix: 'auto.failover=true on every node',
    source: properties,
    check: eachAgent('auto.failover', isOff),
  },
  {
    id: 'efm-shutdown-as-failure-without-failover',
    severity: 'error',
    title: 'a stopped agent is a failure that nobody acts on',
    consequence:
      'Stopping the agent of the primary for maintenance has it verified and taken out like a dead one, and with auto.failover=false nothing takes its place.',
    fix: 'primary.shutdown.as.failure=false (master.shutdown.as.failure before 4.0), or auto.failover=true',
    source: properties,
    check: eachAgent(
      'primary.shutdown.as.failure',
      (file, name) => isOn(file, name) && isOff(file, 'auto.failover'),
    ),
  },
  {
    id: 'efm-minimum-standbys',
    severity: 'error',
    title: 'more standbys must be left than there are',
    consequence:
      'No failover ever happens: every promotion would leave fewer standbys than minimum.standbys.',
    fix: 'minimum.standbys of at most the standbys less one',
    source: properties,
    check: checkMinimumStandbys,
  },
  {
    id: 'efm-nothing-promotable',
    severity: 'error',
    title: 'no server may be promoted',
    consequence: 'There is no candidate: when the primary dies, writes stay out until a person steps in.',
    fix: 'promotable=true on at least two database servers',
    source: properties,
    check: checkPromotable,
  },
  {
    id: 'efm-auto-reconfigure-off',
    severity: 'warning',
    title: 'standbys do not follow a new primary',
    consequence:
      'After a failover the other standbys go on asking the dead primary for WAL: their data stand still while Pgpool sends them reads, and no standby is left to fail over to.',
    fix: 'auto.reconfigure=true; false belongs to cascaded standbys and, in 3.9, to replication slots',
    source: properties,
    check: eachAgent(
      'auto.reconfigure',
      (file) => isOff(file, 'auto.reconfigure') && isOn(file, 'promotable') && atLeast(file.version, '3.10'),
    ),
  },
  {
    id: 'efm-slots-without-support',
    severity: 'error',
    title: 'EFM 3.9 re-points standbys that use replication slots',
    consequence:
      'The slot does not exist on the new primary: the standby restarts, cannot stream, and is out of service after a failover that was meant to keep it.',
    fix: 'auto.reconfigure=false with replication slots, or EFM 3.10 and later',
    source: 'EDB docs, EFM 3.9: auto.reconfigure must be false with replication slots',
    check: checkSlots,
  },
  {
    id: 'efm-remote-timeout',
    severity: 'warning',
    title: 'other agents may take longer than the own one',
    consequence:
      'The question whether others reach the database outlasts the check that asks it; the failover starts later than local.timeout promises. EFM warns of it at its start.',
    fix: 'remote.timeout of at most local.timeout',
    source: `${properties}: a warning is raised when remote.timeout is larger`,
    check: eachAgent(
      'remote.timeout',
      (file) => seconds(file, 'remote.timeout') > seconds(file, 'local.timeout'),
    ),
  },
  {
    id: 'efm-local-period',
    severity: 'error',
    title: 'the database is checked too seldom for its timeout',
    consequence:
      'Below one period the timeout runs out between two good checks: a healthy database gets its last check again and again. Below two, a single check that fails brings it there, and one more slow answer is a failover.',
    fix: 'local.timeout of at least twice local.period',
    source: `${properties}: local.timeout counts from the last successful check`,
    check: checkLocalPeriod,
  },
  {
    id: 'efm-slow-recovery-check',
    severity: 'warning',
    title: 'EFM looks seldom whether the promotion is done',
    consequence:
      'The new primary is writable and nobody is told: every failover and switchover takes up to recovery.check.period longer.',
    fix: 'recovery.check.period=1',
    source: `${properties}; docs/architecture.md: the first look comes after one period`,
    check: eachAgent('recovery.check.period', (file) => seconds(file, 'recovery.check.period') > 5),
  },
  {
    id: 'efm-detection-undecided',
    severity: 'info',
    title: 'nobody has decided how long a dead server may go unnoticed',
    consequence:
      'With the health checks of Pgpool off, sessions are sent to a dead standby, and all are refused with a dead primary, until EFM notices: with its defaults 50 to 70 s.',
    fix: 'write local.timeout (and local.period): 10 and 2 notice within 20 s; write 60 to say that a minute will do',
    source: `${properties}; refused sessions observed on Pgpool-II 4.3.5 (docs/integration-scripts.md)`,
    check: (files) =>
      files.pgpool.length === 0
        ? []
        : eachAgent('local.timeout', (file) => !written(file, 'local.timeout'))(files),
  },
  {
    id: 'efm-two-agents',
    severity: 'error',
    title: 'fewer than three agents',
    consequence:
      'With two agents neither half is more than half: when the host of the primary is lost, EFM does not fail over.',
    fix: 'a third agent, another standby or a witness; if there is one, give its file too',
    source: 'EDB docs, EFM supported scenarios: fewer than three nodes',
    check: checkTwoAgents,
  },
  {
    id: 'efm-shutdown-as-failure',
    severity: 'warning',
    title: 'stopping an agent is a failure',
    consequence:
      'An upgrade or restart of the agent on the primary sets off the search for a failed primary at once; if its database is down for the same maintenance, EFM fails over.',
    fix: 'primary.shutdown.as.failure=false, unless the database is bound to its agent (eager failover)',
    source: 'EDB docs, EFM notifications: EFM itself warns of it at its start',
    check: eachAgent(
      'primary.shutdown.as.failure',
      (file, name) => isOn(file, name) && isOn(file, 'auto.failover'),
    ),
  },
  {
    id: 'efm-detach-on-agent-failure',
    severity: 'error',
    title: 'a healthy primary is detached when its agent dies',
    consequence:
      'The database answers, nothing is promoted, and Pgpool has no primary: a killed agent process becomes an outage of all writes.',
    fix: 'detach.on.agent.failure=false (true is the default of 4.2 to 4.10)',
    source: `${properties}, detach.on.agent.failure`,
    check: (files) =>
      hasPgpool(files)
        ? eachAgent(
            'detach.on.agent.failure',
            (file, name) => atLeast(file.version, '4.2') && isOn(file, name),
            { witness: true },
          )(files)
        : [],
  },
];
