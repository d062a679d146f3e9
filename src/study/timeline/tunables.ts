import { type ScriptWaits, shippedWaits } from '../../sim/scripts.ts';
import { hasWatchdog } from '../../topology/cluster.ts';
import { efmDefaultOf } from '../../topology/config/efm-catalogue.ts';
import { pgpoolDurationMs, pgpoolNumber, pgpoolSetting } from '../../topology/pgpool-conf.ts';
import type { TrialPlan } from './trial.ts';

export type SettingFile = 'efm.properties' | 'pgpool.conf' | 'pgpool.env';

/** A setting that a timeline may depend on: it can be read from a plan and written into one, in whole seconds. */
export interface Tunable {
  setting: string;
  file: SettingFile;
  /** As it stands in the file, or its default. */
  text(plan: TrialPlan): string;
  /** Its seconds; of a ping command, its requests. */
  seconds(plan: TrialPlan): number;
  /** The plan with another value; the value as it would stand in the file is `textFor`. */
  withSeconds(plan: TrialPlan, seconds: number): TrialPlan;
  textFor(plan: TrialPlan, seconds: number): string;
  /** Lowest value that can be recommended, and what that risks; null for one that is not to be lowered. */
  floor: { seconds: number; risk: string } | null;
}

type Floor = Tunable['floor'];

function efmSetting(setting: string, floor: Floor = null): Tunable {
  const text = ({ cluster }: TrialPlan): string => {
    const agent = cluster.agents.find(({ witness }) => !witness);
    return agent?.properties[setting] ?? efmDefaultOf(setting, agent?.version ?? '') ?? '0';
  };
  const textFor = (_: TrialPlan, seconds: number): string => String(seconds);
  return {
    setting,
    file: 'efm.properties',
    text,
    seconds: (plan) => Number(text(plan)),
    textFor,
    withSeconds: (plan, seconds) => withEfm(plan, setting, String(seconds)),
    floor,
  };
}

/** A plan whose every agent has this value. */
function withEfm(plan: TrialPlan, setting: string, value: string): TrialPlan {
  const agents = plan.cluster.agents.map((agent) => ({
    ...agent,
    properties: { ...agent.properties, [setting]: value },
  }));
  return { ...plan, cluster: { ...plan.cluster, agents } };
}

/** @param unitMs of a number without a unit in the file */
function pgpoolSettingOf(setting: string, floor: Floor = null, unitMs = 1000): Tunable {
  const textFor = (_: TrialPlan, seconds: number): string => String((seconds * 1000) / unitMs);
  return {
    setting,
    file: 'pgpool.conf',
    text: ({ cluster }) => pgpoolSetting(cluster.pgpoolSettings, setting) ?? '0',
    seconds: ({ cluster }) => (pgpoolDurationMs(cluster.pgpoolSettings, setting) ?? 0) / 1000,
    textFor,
    withSeconds: (plan, seconds) => {
      const pgpoolSettings = { ...plan.cluster.pgpoolSettings, [setting]: textFor(plan, seconds) };
      return { ...plan, cluster: { ...plan.cluster, pgpoolSettings } };
    },
    floor,
  };
}

function scriptWait(setting: string, name: keyof ScriptWaits, floor: Floor = null): Tunable {
  const seconds = ({ waits }: TrialPlan): number => (waits?.[name] ?? shippedWaits[name]) / 1000;
  return {
    setting,
    file: 'pgpool.env',
    text: (plan) => String(seconds(plan)),
    seconds,
    textFor: (_, value) => String(value),
    withSeconds: (plan, value) => ({ ...plan, waits: { ...plan.waits, [name]: value * 1000 } }),
    floor,
  };
}

/** Failed queries in a row, each an interval after the other. */
const lifePoint: Tunable = {
  ...pgpoolSettingOf('wd_life_point', {
    seconds: 2,
    risk: 'two late answers in a row make a Pgpool lost that is well',
  }),
  seconds: ({ cluster }) => pgpoolNumber(cluster.pgpoolSettings, 'wd_life_point') ?? 0,
};

const pingName = 'ping.server.command';

/** Requests and deadline move together: each request is a second. */
const pingCommand: Tunable = {
  ...efmSetting(pingName),
  seconds: (plan) => Number(/-[a-zA-Z]*c\s*(\d+)/.exec(pingText(plan))?.[1] ?? 3),
  textFor: (plan, count) => {
    const deadline = Number(/-[a-zA-Z]*w\s*(\d+)/.exec(pingText(plan))?.[1] ?? count + 2);
    const change = count - pingCommand.seconds(plan);
    return pingText(plan)
      .replace(/(-[a-zA-Z]*c\s*)\d+/, `$1${count}`)
      .replace(/(-[a-zA-Z]*w\s*)\d+/, `$1${Math.max(1, deadline + change)}`);
  },
  withSeconds: (plan, count) => withEfm(plan, pingName, pingCommand.textFor(plan, count)),
  floor: { seconds: 1, risk: 'one lost packet makes the virtual IP look free, or this server look cut off' },
};

function pingText(plan: TrialPlan): string {
  return efmSetting(pingName).text(plan);
}

/** Every setting whose effect a timeline tells, in the order of its tables. Floors and risks: docs/timeline.md. */
export const tunables: readonly Tunable[] = [
  efmSetting('local.period', {
    seconds: 2,
    risk: 'a check of every database each so many seconds, with a new connection each time unless db.reuse.connection.count is set',
  }),
  efmSetting('local.timeout', {
    seconds: 5,
    risk: 'a database that answers nobody for that long (checkpoint storm, full disk, frozen virtual machine) is failed over',
  }),
  efmSetting('local.timeout.final', {
    seconds: 2,
    risk: 'the last chance of a slow database is that short',
  }),
  efmSetting('remote.timeout', {
    seconds: 2,
    risk: 'an agent that needs longer to reach the primary counts as one that cannot',
  }),
  efmSetting('node.timeout', {
    seconds: 10,
    risk: 'a pause of an agent or a virtual machine (garbage collection, backup, live migration) of that length makes its node lost; equal on every node',
  }),
  efmSetting('recovery.check.period', { seconds: 1, risk: 'the promoted server is asked every second' }),
  efmSetting('restart.connection.timeout'),
  efmSetting('standby.restart.delay', {
    seconds: 0,
    risk: 'all standbys restart at once: reads have the primary alone for a moment',
  }),
  efmSetting('check.vip.timeout'),
  pingCommand,
  pgpoolSettingOf('search_primary_node_timeout', {
    seconds: 1,
    risk: 'Pgpool gives the search up before the promotion has ended, and knows no primary until EFM tells it',
  }),
  pgpoolSettingOf('sr_check_period'),
  pgpoolSettingOf(
    'connect_timeout',
    {
      seconds: 2,
      risk: 'a server that needs longer to accept a connection counts as dead to a new session and to every check',
    },
    1,
  ),
  pgpoolSettingOf('health_check_period'),
  pgpoolSettingOf('health_check_timeout'),
  pgpoolSettingOf('wd_interval', {
    seconds: 2,
    risk: 'every Pgpool looks at the others that often; by query each look is a session',
  }),
  pgpoolSettingOf('wd_heartbeat_deadtime', {
    seconds: 6,
    risk: 'a pause of the leading host of that length (backup, live migration) gives the address to another, and every session is cut',
  }),
  pgpoolSettingOf('wd_heartbeat_keepalive', {
    seconds: 1,
    risk: 'a packet a second from every Pgpool to every other',
  }),
  lifePoint,
  scriptWait('SEARCH_WAIT', 'searchMs', {
    seconds: 1,
    risk: 'the post-promotion script sends a promote while Pgpool still searches: every session is cut once more',
  }),
  scriptWait('ATTACH_HOLD', 'attachHoldMs', {
    seconds: 0,
    risk: 'an attach counts although Pgpool drops the node again at once',
  }),
  scriptWait('PROMOTE_WAIT', 'promoteMs'),
  scriptWait('DETACH_WAIT', 'detachMs', {
    seconds: 5,
    risk: 'a detach that Pgpool carries out late is reported as failed',
  }),
  scriptWait('ATTACH_WAIT', 'attachMs'),
  scriptWait('FOLLOW_WAIT', 'followMs'),
  scriptWait('DB_TIMEOUT', 'databaseMs'),
  scriptWait('PCP_TIMEOUT', 'pcpMs'),
];

/** Those that the version at hand has and that are in force. */
export function tunablesOf(plan: TrialPlan): readonly Tunable[] {
  const version = plan.cluster.agents[0]?.version ?? '';
  return tunables.filter(({ setting, file, seconds }) => {
    if (file === 'efm.properties') return efmDefaultOf(setting, version) !== undefined;
    if (setting.startsWith('wd_')) return watchdogNames(plan).includes(setting);
    return !setting.startsWith('health_check') || seconds(plan) > 0;
  });
}

/** Settings of the life check that the watchdog's method reads. */
function watchdogNames({ cluster }: TrialPlan): readonly string[] {
  if (!hasWatchdog(cluster)) return [];
  const method = pgpoolSetting(cluster.pgpoolSettings, 'wd_lifecheck_method');
  if (method === 'query') return ['wd_interval', 'wd_life_point'];
  return method === 'external' ? [] : ['wd_interval', 'wd_heartbeat_deadtime', 'wd_heartbeat_keepalive'];
}
