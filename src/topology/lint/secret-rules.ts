import { at, type ConfigFile, type LintFiles, told, value } from './files.ts';
import type { Hit, Rule } from './rule.ts';
import { scriptSetting } from './script-settings.ts';
import { allHooks } from './scripts.ts';

const readableByOthers = 0o004;
const writableByOthers = 0o002;
const openToAnybodyElse = 0o077;

function shown(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

/** A setting with a secret in it, of a file that others may read. */
function secretOf(file: ConfigFile, isSecret: (name: string) => boolean): Hit[] {
  const entry = file.document.entries.find(({ name, value: text }) => isSecret(name) && text !== '');
  if (!entry || file.mode === null || (file.mode & readableByOthers) === 0) return [];
  const message = `${entry.name} stands in a file that everybody may read (mode ${shown(file.mode)})`;
  return [{ place: at(file, entry.name), message }];
}

/** Where settings name a password file for PCP: of EFM itself, and of the scripts. */
function checkPassFiles(files: LintFiles): Hit[] {
  const named = [
    ...files.efm.map((file) => ({
      place: at(file, 'pcp.pass.file'),
      text: told(file, 'pcp.pass.file'),
      value: value(file, 'pcp.pass.file'),
    })),
    ...scriptSetting(files, 'PCPPASSFILE'),
  ];
  return named.flatMap((setting) => {
    const facts = files.paths.get(setting.value);
    if (!facts?.exists || (facts.mode & openToAnybodyElse) === 0) return [];
    return [{ place: setting.place, message: `${setting.text} has mode ${shown(facts.mode)}` }];
  });
}

function checkPoolPasswd({ pgpool, paths }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    const facts = paths.get(value(file, 'pool_passwd'));
    if (!facts?.exists || (facts.mode & readableByOthers) === 0) return [];
    const message = `${facts.path} may be read by everybody (mode ${shown(facts.mode)})`;
    return [{ place: at(file, 'pool_passwd'), message }];
  });
}

function checkWritable(files: LintFiles): Hit[] {
  const scripts = files.scripts
    .filter(({ mode }) => (mode & writableByOthers) !== 0)
    .map(({ path, mode }) => ({
      place: { file: path, line: 1, column: 1 },
      message: `everybody may write the file (mode ${shown(mode)})`,
    }));
  const known = new Set(files.scripts.map(({ path }) => path));
  const hooks = allHooks(files).flatMap((hook) => {
    const facts = files.paths.get(hook.program);
    if (!facts?.exists || known.has(facts.path) || (facts.mode & writableByOthers) === 0) return [];
    const message = `${hook.name}: everybody may write ${facts.path} (mode ${shown(facts.mode)})`;
    return [{ place: hook.place, message }];
  });
  return [...scripts, ...hooks];
}

/** Who may read secrets and change what is run. */
export const secretRules: readonly Rule[] = [
  {
    id: 'efm-password-readable',
    severity: 'warning',
    title: 'everybody may read the database password of EFM',
    consequence:
      'Any local user can copy the encrypted password into an agent of his own with the same cluster name and reach every database as the user of EFM, often a superuser.',
    fix: 'chmod 600, owned by efm (or the database owner without sudo)',
    source: 'EDB docs, EFM: encrypting the database password (the cluster name is part of it)',
    check: ({ efm }) => efm.flatMap((file) => secretOf(file, (name) => name === 'db.password.encrypted')),
  },
  {
    id: 'pgpool-password-readable',
    severity: 'warning',
    title: 'everybody may read a password in pgpool.conf',
    consequence: 'Any local user can log in to every database, or join the watchdog and take servers out.',
    fix: 'chmod 600, owned by the user of Pgpool; passwords into pool_passwd as AES',
    source: 'Pgpool-II manual, sr_check_password, wd_authkey',
    check: ({ pgpool }) =>
      pgpool.flatMap((file) => secretOf(file, (name) => /_password\d*$/.test(name) || name === 'wd_authkey')),
  },
  {
    id: 'pcp-pass-file-open',
    severity: 'error',
    title: 'the PCP password file is open to others',
    consequence:
      'PCP commands ignore such a file and cannot log in: nothing is detached, attached or promoted. And whoever reads it can take every server out of service.',
    fix: 'chmod 600, owned by the user that runs the scripts',
    source: 'Pgpool-II manual, PCP password file',
    check: checkPassFiles,
  },
  {
    id: 'pool-passwd-readable',
    severity: 'warning',
    title: 'everybody may read pool_passwd',
    consequence: "Any local user has the passwords or the md5 of every application's database user.",
    fix: 'chmod 600, owned by the user of Pgpool',
    source: 'Pgpool-II manual, pool_passwd',
    check: checkPoolPasswd,
  },
  {
    id: 'script-writable',
    severity: 'error',
    title: 'everybody may change what EFM and Pgpool run',
    consequence:
      'Any local user can have his own commands run as the database owner at the next failover: all data are his.',
    fix: 'chmod o-w, owned by root',
    source: 'EDB docs, EFM: scripts run as the user efm or the database owner',
    check: checkWritable,
  },
];
