import { namesRelease } from '../config/versions.ts';
import { eachPgpool } from './each.ts';
import {
  at,
  atLeast,
  databaseCount,
  followName,
  indexesOf,
  isNative,
  isOn,
  type LintFiles,
  seconds,
  told,
  value,
  written,
} from './files.ts';
import { healthChecks } from './pgpool-health-check.ts';
import type { Hit, Rule } from './rule.ts';
import { codeOf, hookOf, scriptOf } from './scripts.ts';

const guide = "EDB's architecture guide 1.1 (2020), section 3.2";

const promotes = /pg_ctl\b[^\n]*\bpromote|pg_promote|pcp_promote_node|promote_trigger|trigger_file|repmgr/;

function checkFailoverCommand(files: LintFiles): Hit[] {
  return files.pgpool.flatMap((file) => {
    const hook = hookOf(file, 'failover_command');
    if (!hook || files.efm.length === 0) return [];
    const script = scriptOf(files, hook);
    const promoting = promotes.test(`${hook.words.join(' ')}\n${script ? codeOf(script) : ''}`);
    const message = promoting
      ? `${told(file, 'failover_command')} promotes a server, and so does EFM`
      : told(file, 'failover_command');
    return [{ place: hook.place, message, severity: promoting ? 'error' : 'warning' }];
  });
}

/** Without EFM's files a warning: its own integration with Pgpool needs no follow command. */
function checkFollowMissing(files: LintFiles): Hit[] {
  if (files.efm.some(isNative) || databaseCount(files) < 3) return [];
  const severity = files.efm.length === 0 ? 'warning' : 'error';
  return files.pgpool
    .filter((file) => value(file, followName(file)) === '')
    .map((file) => ({
      place: at(file, followName(file)),
      message: `${followName(file)} is empty`,
      severity,
    }));
}

function checkFollowArguments({ pgpool }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    const hook = hookOf(file, followName(file));
    const passes = (mark: string): boolean => hook?.words.some((word) => word.includes(mark)) ?? false;
    const missing = ['%d', '%P'].filter((mark) => !passes(mark));
    // With the node's address the script can find its id and ask it what it is.
    if (!hook || missing.length === 0 || passes('%h')) return [];
    return [{ place: hook.place, message: `${hook.name} does not pass ${missing.join(' and ')}` }];
  });
}

function checkFlags(flag: string): Rule['check'] {
  return ({ pgpool }) =>
    pgpool.flatMap((file) =>
      indexesOf(file, /^backend_flag(\d+)$/)
        .map((id) => `backend_flag${id}`)
        .filter((name) => value(file, name).split('|').includes(flag))
        .map((name) => ({ place: at(file, name), message: told(file, name) })),
    );
}

function checkMode({ pgpool }: LintFiles): Hit[] {
  return pgpool.flatMap((file) => {
    if (atLeast(file.version, '4.2')) {
      const name = 'backend_clustering_mode';
      if (value(file, name) === 'streaming_replication') return [];
      return [{ place: at(file, name), message: told(file, name) }];
    }
    const wrong: string[] = [];
    if (!isOn(file, 'master_slave_mode')) wrong.push('master_slave_mode');
    else if (value(file, 'master_slave_sub_mode') !== 'stream') wrong.push('master_slave_sub_mode');
    return wrong.map((name) => ({ place: at(file, name), message: told(file, name) }));
  });
}

/** Where the file leaves it to a default that changed within the release line, and only the line is known, it may be off. */
function checkShutdown({ pgpool }: LintFiles): Hit[] {
  const name = 'failover_on_backend_shutdown';
  return pgpool
    .filter((file) => atLeast(file.version, '4.3') && isOn(file, name))
    .map((file) => {
      const place = at(file, name);
      if (written(file, name)) return { place, message: told(file, name) };
      if (namesRelease(file.version))
        return { place, message: `${told(file, name)}, whatever the documents say` };
      const message = `${name} is not set: the first releases of ${file.version} have it on, the later ones off`;
      return { place, message, severity: 'warning' };
    });
}

/** On, it attaches what streams; without the health check, which does the attaching, it has no effect yet. */
function checkAutoFailback({ pgpool }: LintFiles): Hit[] {
  const name = 'auto_failback';
  return pgpool
    .filter((file) => atLeast(file.version, '4.1') && isOn(file, name))
    .map((file) => {
      const idle = healthChecks(file).length === 0;
      const message = `${told(file, name)}${idle ? ', without effect until health_check_period is above 0' : ''}`;
      return { place: at(file, name), message, severity: idle ? 'warning' : 'error' };
    });
}

/** Who may take a backend out, who may promote: under EFM, EFM alone. */
export const pgpoolFailoverRules: readonly Rule[] = [
  {
    id: 'pgpool-failover-on-error',
    severity: 'error',
    title: 'Pgpool fails over on a connection error',
    consequence:
      'A single refused or broken connection sets a healthy server down. If it was the primary, writes fail until a person attaches it, and EFM knows nothing of it.',
    fix: 'failover_on_backend_error = off',
    source: `${guide}; Pgpool-II manual, Failover and Failback`,
    check: eachPgpool('failover_on_backend_error', (file) => isOn(file, 'failover_on_backend_error')),
  },
  {
    id: 'pgpool-failover-on-shutdown',
    severity: 'error',
    title: 'Pgpool fails over when a server says that it shuts down',
    consequence:
      'Pgpool sets the primary down within milliseconds of its death or of a planned restart, long before EFM promotes: writes fail with 25006, and the detach that EFM sends is refused.',
    fix: 'failover_on_backend_shutdown = off, also where the documents call that the default',
    source:
      'Pgpool-II release notes 4.3.9, 4.4.6, 4.5.1: compiled default on before; observed on 4.3.5 (docs/integration-scripts.md)',
    check: checkShutdown,
  },
  {
    id: 'pgpool-failover-command',
    severity: 'error',
    title: 'Pgpool has a failover command although EFM decides',
    consequence:
      'When the command promotes, two parties promote: two servers take writes, and the rows of one of them are lost. When it does not, it delays every failover: Pgpool waits for its end.',
    fix: "failover_command = ''; what must be told to others belongs into EFM's hooks",
    source: guide,
    check: checkFailoverCommand,
  },
  {
    id: 'pgpool-failback-command',
    severity: 'warning',
    title: 'Pgpool has a failback command although EFM decides',
    consequence:
      'It runs on every attach, also those that the follow command and the hooks of EFM send in the middle of a failover, and Pgpool waits for its end before it serves new sessions.',
    fix: "failback_command = ''",
    source: guide,
    check: eachPgpool('failback_command', (file) => value(file, 'failback_command') !== ''),
  },
  {
    id: 'pgpool-search-for-ever',
    severity: 'error',
    title: 'the search for a primary has no end',
    consequence:
      'EFM detaches before it promotes. With no primary to be found Pgpool searches until there is one and takes no sessions meanwhile, reads neither; with no promotable standby that is for ever.',
    fix: 'search_primary_node_timeout = 3',
    source: `${guide}; Pgpool-II manual: 0 keeps trying for ever`,
    check: eachPgpool(
      'search_primary_node_timeout',
      (file) => seconds(file, 'search_primary_node_timeout') === 0,
    ),
  },
  {
    id: 'pgpool-search-long',
    severity: 'warning',
    title: 'the search for a primary takes long',
    consequence:
      'While it searches Pgpool takes no new sessions and cuts those that move: an outage of reads too, as long as the promotion takes and at worst the whole timeout.',
    fix: 'search_primary_node_timeout = 3; the post-promotion script tells Pgpool the new primary',
    source: `${guide}: a low value for prompt recovery; order observed on 4.3.5 (docs/integration-scripts.md)`,
    check: eachPgpool(
      'search_primary_node_timeout',
      (file) => seconds(file, 'search_primary_node_timeout') > 10,
    ),
  },
  {
    id: 'pgpool-follow-command-missing',
    severity: 'error',
    title: 'nothing brings the standbys back after a promotion',
    consequence:
      'When Pgpool learns of a new primary by pcp_promote_node it sets every other node down. They stay down: all reads go to the new primary until somebody attaches them by hand.',
    fix: "follow_primary_command = '/path/follow_primary.sh %d %P %h %p' (follow_master_command before 4.2)",
    source: guide,
    check: checkFollowMissing,
  },
  {
    id: 'pgpool-follow-command-arguments',
    severity: 'error',
    title: 'the follow command does not say which node, or which was the primary',
    consequence:
      'The script cannot tell the standby that is to come back from the dead primary that is not: it attaches the wrong node or none.',
    fix: 'pass %d (the node) and %P (the old primary), and %h %p so that the script can ask the server',
    source: guide,
    check: checkFollowArguments,
  },
  {
    id: 'pgpool-disallow-to-failover',
    severity: 'error',
    title: 'a backend refuses to be detached',
    consequence:
      'The detach of EFM is refused for this backend. When it is the dead primary, Pgpool refuses every new session, reads too, for as long as it is dead.',
    fix: "backend_flagN = 'ALLOW_TO_FAILOVER'",
    source:
      'EDB docs, EFM 4 with Pgpool: ALLOW_TO_FAILOVER (the 3.10 page says otherwise); Pgpool-II manual, backend_flag',
    check: checkFlags('DISALLOW_TO_FAILOVER'),
  },
  {
    id: 'pgpool-always-primary',
    severity: 'error',
    title: 'a backend is the primary by decree',
    consequence:
      'Pgpool does not look for the primary any more: after a failover writes still go to this server, which is dead or a standby by then.',
    fix: "backend_flagN = 'ALLOW_TO_FAILOVER'",
    source: 'Pgpool-II manual, backend_flag',
    check: checkFlags('ALWAYS_PRIMARY'),
  },
  {
    id: 'pgpool-not-streaming',
    severity: 'error',
    title: 'Pgpool does not run in streaming replication mode',
    consequence:
      'Pgpool does not know which server is the primary: it sends writes to the wrong server or, in a replication mode, to all of them.',
    fix: "backend_clustering_mode = 'streaming_replication' (before 4.2: master_slave_mode = on, master_slave_sub_mode = 'stream')",
    source: `${guide}, in the names of 4.2 and later`,
    check: checkMode,
  },
  {
    id: 'pgpool-failover-on-mismatch',
    severity: 'warning',
    title: 'Pgpool sets servers down when they report different row counts',
    consequence:
      'In a replication mode Pgpool alone sets a server down that reports another number of rows, and EFM knows nothing of it. While streaming it does nothing: a protection that the file promises is not there.',
    fix: 'failover_if_affected_tuples_mismatch = off',
    source: guide,
    check: eachPgpool('failover_if_affected_tuples_mismatch', (file) =>
      isOn(file, 'failover_if_affected_tuples_mismatch'),
    ),
  },
  {
    id: 'pgpool-auto-failback',
    severity: 'error',
    title: 'Pgpool attaches by itself what EFM has detached',
    consequence:
      'A standby that EFM took out before it stops or re-points it is still streaming for a moment, so Pgpool attaches it again: sessions are sent to a server that goes away under them.',
    fix: 'auto_failback = off; EFM attaches with its hook',
    source: 'Pgpool-II manual, auto_failback; EDB docs: detach is called before a planned stop',
    check: checkAutoFailback,
  },
  {
    id: 'pgpool-false-primary-unchecked',
    severity: 'warning',
    title: 'the search for false primaries never runs',
    consequence:
      'False primaries are looked for in the streaming replication check. With that off a stale primary with a higher node id than the real one gets the writes as soon as it is attached; they are lost.',
    fix: 'sr_check_period = 10, or detach_false_primary = off and leave it to the attach script',
    source: 'Pgpool-II manual, detach_false_primary; flip to the higher id observed on 4.3.5',
    check: eachPgpool(
      'detach_false_primary',
      (file) => isOn(file, 'detach_false_primary') && seconds(file, 'sr_check_period') === 0,
    ),
  },
  {
    id: 'pgpool-sr-check-undecided',
    severity: 'info',
    title: 'nobody has decided on the streaming replication check',
    consequence:
      'A check that waits for a hung primary holds the lock that a failover needs: a detach then takes until the server answers or dies. Without the check Pgpool does not know the delay of standbys.',
    fix: 'write sr_check_period: 0 for failovers that never wait for it, else the seconds that the delay may be old',
    source: 'observed on 4.3.5 with a stopped primary: detach in 13 s, without the check in 3 s',
    check: eachPgpool(
      'sr_check_period',
      (file) => !written(file, 'sr_check_period') && seconds(file, 'sr_check_period') > 0,
    ),
  },
  {
    id: 'pgpool-status-file-in-tmp',
    severity: 'warning',
    title: 'Pgpool remembers which servers are down in /tmp',
    consequence:
      'The file decides at a start which servers get sessions. In /tmp it is cleaned away, so that a dead or stale server counts as up again, and any local user can put his own there first.',
    fix: "logdir = '/var/log/pgpool' (work_dir from 4.7), a folder that Pgpool alone can write",
    source: 'Pgpool-II manual, logdir; restart with and without the file observed on 4.3.5',
    check: ({ pgpool }) =>
      pgpool.flatMap((file) => {
        const name = atLeast(file.version, '4.7') && !written(file, 'logdir') ? 'work_dir' : 'logdir';
        if (!/^\/tmp(\/|$)/.test(value(file, name))) return [];
        return [{ place: at(file, name), message: told(file, name) }];
      }),
  },
];
