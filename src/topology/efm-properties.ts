import type { Problem } from '../kernel/errors.ts';

/** What the statecharts read of efm.properties: times in ms, the rest as EFM means it. */
export interface EfmSettings {
  witness: boolean;
  localPeriodMs: number;
  localTimeoutMs: number;
  localTimeoutFinalMs: number;
  remoteTimeoutMs: number;
  nodeTimeoutMs: number;
  recoveryCheckPeriodMs: number;
  restartConnectionTimeoutMs: number;
  standbyRestartDelayMs: number;
  autoFailover: boolean;
  autoReconfigure: boolean;
  promotable: boolean;
  minimumStandbys: number;
  useReplayTiebreaker: boolean;
  stopFailedPrimary: boolean;
  /** Command lines of the hooks that have one, by property name. */
  hooks: Readonly<Record<string, string>>;
}

/** Defaults of EFM 4.x for the properties read here (EDB's cluster properties page); times in seconds. */
const defaults: Readonly<Record<string, string>> = {
  'is.witness': 'false',
  'local.period': '10',
  'local.timeout': '60',
  'local.timeout.final': '10',
  'remote.timeout': '10',
  'node.timeout': '50',
  'recovery.check.period': '1',
  'restart.connection.timeout': '60',
  'standby.restart.delay': '0',
  'auto.failover': 'true',
  'auto.reconfigure': 'true',
  promotable: 'true',
  'minimum.standbys': '0',
  'use.replay.tiebreaker': 'true',
  'stop.failed.primary': 'true',
};

/** Properties that an agent of ours uses as text, beside those with a default. */
const textProperties = [
  'bind.address',
  'admin.port',
  'db.user',
  'db.database',
  'db.port',
  'db.bin',
  'db.data.dir',
  'db.config.dir',
  'db.service.owner',
  'application.name',
  'log.dir',
  'lock.dir',
];

const hookProperties = [
  'script.load.balancer.attach',
  'script.load.balancer.detach',
  'script.fence',
  'script.post.promotion',
  'script.remote.pre.promotion',
  'script.remote.post.promotion',
  'script.db.failure',
  'script.resumed',
];

/** One `name=value` of a properties file with its line. */
export interface PropertyLine {
  name: string;
  value: string;
  line: number;
}

/** Reads the text of a properties file: `name=value` lines, `#` comments, blank lines; later lines win. */
export function parseProperties(text: string, file: string): { lines: PropertyLine[]; problems: Problem[] } {
  const lines: PropertyLine[] = [];
  const problems: Problem[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const equals = trimmed.indexOf('=');
    if (equals <= 0) {
      problems.push({
        place: { file, line: index + 1, column: 1 },
        rule: 'property-line',
        message: `"${trimmed}" is no property: expected name=value`,
      });
      continue;
    }
    const name = trimmed.slice(0, equals).trim();
    lines.push({ name, value: trimmed.slice(equals + 1).trim(), line: index + 1 });
  }
  return { lines, problems };
}

/** Says what is wrong with properties given by name: unknown names, values of the wrong form. */
export function checkEfmProperties(properties: Readonly<Record<string, string>>): Problem[] {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(properties)) {
    const standard = defaults[name];
    if (standard === undefined) {
      if (textProperties.includes(name) || hookProperties.includes(name)) continue;
      problems.push({
        rule: 'efm-property-name',
        message: `efm property "${name}" is not known to this release`,
      });
    } else if (standard === 'true' || standard === 'false') {
      if (value === 'true' || value === 'false') continue;
      problems.push({ rule: 'efm-property-value', message: `${name} is true or false, got "${value}"` });
    } else if (!/^\d+$/.test(value)) {
      const unit = name === 'minimum.standbys' ? 'a whole number' : 'a whole number of seconds';
      problems.push({ rule: 'efm-property-value', message: `${name} is ${unit}, got "${value}"` });
    } else if (Number(value) === 0 && /period|timeout/.test(name)) {
      problems.push({
        rule: 'efm-property-value',
        message: `${name} must be at least 1 second, got "${value}"`,
      });
    }
  }
  return problems;
}

/** The settings of an agent from its properties, EFM 4.x defaults filled in. The properties must have passed their check. */
export function parseEfmSettings(properties: Readonly<Record<string, string>>): EfmSettings {
  const text = (name: string): string => properties[name] ?? (defaults[name] as string);
  const seconds = (name: string): number => Number(text(name)) * 1000;
  const truth = (name: string): boolean => text(name) === 'true';
  const hooks: Record<string, string> = {};
  for (const name of hookProperties) {
    const line = properties[name];
    if (line) hooks[name] = line;
  }
  return {
    witness: truth('is.witness'),
    localPeriodMs: seconds('local.period'),
    localTimeoutMs: seconds('local.timeout'),
    localTimeoutFinalMs: seconds('local.timeout.final'),
    remoteTimeoutMs: seconds('remote.timeout'),
    nodeTimeoutMs: seconds('node.timeout'),
    recoveryCheckPeriodMs: seconds('recovery.check.period'),
    restartConnectionTimeoutMs: seconds('restart.connection.timeout'),
    standbyRestartDelayMs: seconds('standby.restart.delay'),
    autoFailover: truth('auto.failover'),
    autoReconfigure: truth('auto.reconfigure'),
    promotable: truth('promotable'),
    minimumStandbys: Number(text('minimum.standbys')),
    useReplayTiebreaker: truth('use.replay.tiebreaker'),
    stopFailedPrimary: truth('stop.failed.primary'),
    hooks,
  };
}

/** Default of a property as EFM 4.x has it; undefined for one without. */
export function efmDefault(name: string): string | undefined {
  return defaults[name];
}
