import { parseDuration } from '../kernel/time.ts';

/** How Pgpool reads a bare number of a setting. */
type Unit = 'seconds' | 'milliseconds' | 'plain';

/**
 * What Pgpool-II 4.3.5 uses when a setting is not written: the compiled defaults, of the settings that models and
 * statecharts read. `failover_on_backend_shutdown` is on in this version although its sample file says off.
 *
 * Source: pool_config_variables.c of 4.3.5, confirmed with `PGPOOL SHOW` on Debian's build.
 */
const pgpoolDefaults: Readonly<Record<string, string>> = {
  load_balance_mode: 'on',
  statement_level_load_balance: 'off',
  disable_load_balance_on_write: 'transaction',
  failover_on_backend_error: 'on',
  failover_on_backend_shutdown: 'on',
  detach_false_primary: 'off',
  health_check_period: '0',
  health_check_timeout: '20s',
  health_check_max_retries: '0',
  health_check_retry_delay: '1s',
  connect_timeout: '10000ms',
  sr_check_period: '10s',
  delay_threshold: '0',
  failover_command: '',
  failback_command: '',
  follow_primary_command: '',
  search_primary_node_timeout: '300s',
  auto_failback: 'off',
  num_init_children: '32',
  max_pool: '4',
  child_life_time: '300s',
  child_max_connections: '0',
  connection_life_time: '0',
  listen_backlog_multiplier: '2',
  reserved_connections: '0',
};

const unitOf: Readonly<Record<string, Unit>> = {
  health_check_period: 'seconds',
  health_check_timeout: 'seconds',
  health_check_retry_delay: 'seconds',
  connect_timeout: 'milliseconds',
  sr_check_period: 'seconds',
  search_primary_node_timeout: 'seconds',
  child_life_time: 'seconds',
  connection_life_time: 'seconds',
};

/**
 * Reads the text of a pgpool.conf: `name = value` lines, `'quoted'` or bare values, `#` comments outside quotes.
 *
 * @returns the last value of each name, quotes removed, `''` inside quotes read as one quote; lines of any other form
 * are left out, as Pgpool too ignores names that it does not know.
 */
export function readPgpoolConf(text: string): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^\s*([a-z_][a-z0-9_]*)\s*=\s*(?:'((?:[^']|'')*)'|([^\s'#]*))\s*(?:#.*)?$/i.exec(line);
    if (!match?.[1]) continue;
    settings[match[1]] = match[2] === undefined ? (match[3] ?? '') : match[2].replaceAll("''", "'");
  }
  return settings;
}

/** Writes settings as the text of a pgpool.conf, every value quoted, in the order given. `header` becomes comment lines. */
export function writePgpoolConf(
  settings: Readonly<Record<string, string>>,
  header: readonly string[] = [],
): string {
  const lines = header.map((line) => `# ${line}`.trimEnd());
  for (const [name, value] of Object.entries(settings))
    lines.push(`${name} = '${value.replaceAll("'", "''")}'`);
  return `${lines.join('\n')}\n`;
}

/** The value in force of a setting: as written, else the default of 4.3.5; undefined for a name without a known default. */
export function pgpoolSetting(settings: Readonly<Record<string, string>>, name: string): string | undefined {
  return settings[name] ?? pgpoolDefaults[name];
}

/** Whether a switch is on; Pgpool takes on, true, yes and 1. */
export function pgpoolSwitch(settings: Readonly<Record<string, string>>, name: string): boolean {
  return ['on', 'true', 'yes', '1'].includes((pgpoolSetting(settings, name) ?? '').toLowerCase());
}

/** A whole number, such as a count of children; undefined when it is none. */
export function pgpoolNumber(settings: Readonly<Record<string, string>>, name: string): number | undefined {
  const value = pgpoolSetting(settings, name);
  return value !== undefined && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
}

/** A span in ms: `10s`, `500ms`, `1d`, or a bare number in the setting's own unit; undefined when it cannot be read. */
export function pgpoolDurationMs(
  settings: Readonly<Record<string, string>>,
  name: string,
): number | undefined {
  const value = pgpoolSetting(settings, name)?.trim();
  if (value === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * (unitOf[name] === 'milliseconds' ? 1 : 1000);
  const days = /^(\d+)\s*d$/.exec(value)?.[1];
  return days === undefined ? parseDuration(value) : Number(days) * 86_400_000;
}
