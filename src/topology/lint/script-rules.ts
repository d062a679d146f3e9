import { atLeast, type LintFiles, type ScriptFile } from './files.ts';
import type { Hit, Rule } from './rule.ts';
import {
  asksServer,
  codeOf,
  isFollowCommand,
  linesWith,
  pcpCall,
  reachableText,
  scriptsOfHooks,
} from './scripts.ts';

const observed = 'docs/integration-scripts.md';

/** Every line of every script that matches, with a message of its own. */
function eachLine(pattern: RegExp, message: (text: string) => string): Rule['check'] {
  return ({ scripts }) =>
    scripts.flatMap((script) =>
      linesWith(script, pattern).map(({ place, text }) => ({ place, message: message(text) })),
    );
}

/** Hits at the first PCP call of each script that makes one and where `wrong` holds of it and all that it calls. */
function eachCaller(
  wrong: (text: string, script: ScriptFile) => boolean,
  message: string,
): (files: LintFiles) => Hit[] {
  return (files) =>
    files.scripts.flatMap((script) => {
      const call = linesWith(script, pcpCall)[0];
      if (!call || !wrong(reachableText(files, script), script)) return [];
      return [{ place: call.place, message: `${script.name} ${message}` }];
    });
}

/** What the hooks of EFM run. */
function hookScripts(files: LintFiles): ScriptFile[] {
  return scriptsOfHooks(files, (name) => /^script\.(load\.balancer\.|post\.promotion|fence)/.test(name));
}

function checkAlwaysSucceeds(files: LintFiles): Hit[] {
  return hookScripts(files).flatMap((script) => {
    const lines = codeOf(script).split('\n');
    const last = lines.findLastIndex((line) => line.trim() !== '');
    const works = lines
      .slice(0, last)
      .some((line) => pcpCall.test(line) || /\.sh\b|\$\w*(?:backend|pool)/i.test(line));
    if (!/^\s*exit\s+0\s*;?\s*$/.test(lines[last] ?? '') || !works) return [];
    const place = { file: script.path, line: last + 1, column: 1 };
    return [{ place, message: `${script.name} ends with exit 0 whatever has happened before` }];
  });
}

function checkRoleField(files: LintFiles): Hit[] {
  if (!files.pgpool.some(({ version }) => atLeast(version, '4.3'))) return [];
  const sixth = /\bN=6\b|\$6\b|-f\s*6\b/;
  return files.scripts
    .filter((script) => /pcp_node_info/.test(reachableText(files, script)))
    .filter((script) => !/\bN=7\b|\$7\b|-f\s*7\b/.test(codeOf(script)))
    .flatMap((script) =>
      linesWith(script, sixth).map(({ place }) => ({
        place,
        message: `${script.name} reads column 6 of pcp_node_info, which is pg_status from 4.3 on`,
      })),
    );
}

/** A pattern, grep or comparison that looks for PCP's words of refusal. */
const readsMessages = /\*[^)\s]*(?:ERROR|FATAL)|grep[^|\n]*(?:ERROR|FATAL)|=~[^\n]*(?:ERROR|FATAL)/;

/** The follow command's script, when it attaches without a question to the server. */
function blindFollowScripts(files: LintFiles): ScriptFile[] {
  return scriptsOfHooks(files, isFollowCommand).filter((script) => {
    const text = reachableText(files, script);
    return /pcp_attach_node/.test(text) && !asksServer(text);
  });
}

/** A look whether Pgpool knew an old primary at all. */
const askedForOldPrimary = /-lt\s+0|=\s*"?-1"?|-eq\s+-1|-ge\s+0|<\s*0/;

function checkFollowGuard(files: LintFiles): Hit[] {
  return blindFollowScripts(files).flatMap((script) => {
    const guarded = askedForOldPrimary.test(codeOf(script));
    const attach = linesWith(script, /pcp_attach_node|attach/)[0];
    if (guarded || !attach) return [];
    const message = `${script.name} attaches every node but %P, and %P is -1 after a detach`;
    return [{ place: attach.place, message }];
  });
}

function checkFollowGivesUp(files: LintFiles): Hit[] {
  return blindFollowScripts(files).flatMap((script) => {
    const guard = linesWith(script, askedForOldPrimary)[0];
    if (!guard) return [];
    return [{ place: guard.place, message: `${script.name} attaches nothing when %P is -1` }];
  });
}

function checkFollowSleep(files: LintFiles): Hit[] {
  return scriptsOfHooks(files, isFollowCommand).flatMap((script) =>
    linesWith(script, /\bsleep\s+\d+\b/).flatMap(({ place, text }) => {
      const pause = /sleep\s+(\d+)/.exec(text)?.[1];
      if (Number(pause) < 3 || /&\s*$/.test(text)) return [];
      return [{ place, message: `${script.name} sleeps ${pause} s for each node` }];
    }),
  );
}

function checkAttachBlind(files: LintFiles): Hit[] {
  return scriptsOfHooks(files, (name) => name === 'script.load.balancer.attach').flatMap((script) => {
    const text = reachableText(files, script);
    if (!/pcp_attach_node/.test(text) || asksServer(text)) return [];
    const place = linesWith(script, /attach/)[0]?.place ?? { file: script.path, line: 1, column: 1 };
    return [{ place, message: `${script.name} attaches without a question to the server` }];
  });
}

/** What the integration scripts do, read from their text. */
export const scriptRules: readonly Rule[] = [
  {
    id: 'follow-attaches-dead-primary',
    severity: 'error',
    title: 'the follow script attaches the dead primary',
    consequence:
      "EFM detaches before it promotes, so Pgpool passes -1 for the old primary and the comparison lets the dead node through: it is attached, gets sessions, and as the lowest id crashes Pgpool's children.",
    fix: 'ask the server (pg_isready, pg_is_in_recovery) and attach standbys only; or ship scripts/efm/follow_primary.sh',
    source: `observed on Pgpool-II 4.3.5 with the script of EDB's architecture guide 1.1, section 5.2.3 (${observed})`,
    check: checkFollowGuard,
  },
  {
    id: 'follow-gives-up',
    severity: 'error',
    title: 'the follow script brings no standby back when Pgpool knew no old primary',
    consequence:
      'EFM detaches before it promotes, so -1 is what Pgpool passes in a failover as a rule: the standbys that it has set down stay down, and all reads go to the new primary.',
    fix: 'with -1 ask the server (pg_is_in_recovery) and attach it when it is a standby; or ship scripts/efm/follow_primary.sh',
    source: `observed on Pgpool-II 4.3.5: a promotion sets every other node down and calls with old primary -1 (docs/pgpool-observed.md P5)`,
    check: checkFollowGivesUp,
  },
  {
    id: 'follow-sleeps',
    severity: 'warning',
    title: 'the follow script sleeps before it attaches',
    consequence:
      'Pgpool runs the commands one after the other: the last of three standbys gets reads only after three pauses, and Pgpool looks for no new primary meanwhile.',
    fix: 'attach at once when the server answers, else wait in the background',
    source: `attach after 10 and 20 s observed on Pgpool-II 4.3.5 (${observed})`,
    check: checkFollowSleep,
  },
  {
    id: 'attach-without-question',
    severity: 'error',
    title: 'the attach hook takes any server',
    consequence:
      'Pgpool attaches unseen. A dead server gets sessions again; a stale primary with a higher node id than the real one gets the writes, which are lost.',
    fix: 'ask pg_is_in_recovery() of the server before pcp_attach_node',
    source: `observed on Pgpool-II 4.3.5 (${observed})`,
    check: checkAttachBlind,
  },
  {
    id: 'script-always-succeeds',
    severity: 'error',
    title: 'a hook always reports success',
    consequence:
      'EFM notifies on an exit code other than 0 and on nothing else: a server that was not detached, or a Pgpool that was not told, is found out by the users.',
    fix: 'end with the exit code of what was done',
    source: "EDB docs, EFM notifications: script errors; the guide's scripts end so (section 5.2)",
    check: checkAlwaysSucceeds,
  },
  {
    id: 'script-trusts-pcp-status',
    severity: 'error',
    title: 'a script takes the exit code of a PCP command for its success',
    consequence:
      'PCP commands end with 0 when Pgpool refuses, and answer before the work is done: the script reports success and the dead server is still attached.',
    fix: 'read ERROR and FATAL in the output, and ask pcp_node_info until the state is reached',
    source: `pcp_frontend_client.c of 4.0 to 4.7; observed on 4.3.5 (${observed})`,
    check: eachCaller((text) => !readsMessages.test(text), 'never looks for ERROR or FATAL in what PCP says'),
  },
  {
    id: 'script-without-limit',
    severity: 'warning',
    title: 'a script calls PCP without a limit of time',
    consequence:
      'EFM waits for its hooks without end, and a Pgpool that is busy does not answer PCP: the promotion waits for as long, and with it all writes.',
    fix: 'timeout 5 pcp_…',
    source: `EDB docs name a limit for the custom monitor only; a frozen PCP observed on 4.3.5 (${observed})`,
    check: eachCaller((text) => !/\btimeout\s/.test(text), 'calls PCP without timeout'),
  },
  {
    id: 'script-pcp-asks-password',
    severity: 'error',
    title: 'a PCP command may ask for a password',
    consequence:
      'Before 4.5 the password file is read only with -w. Without it the command waits for a person or fails: nothing is detached, attached or promoted.',
    fix: '-w, with the password in PCPPASSFILE',
    source: 'Pgpool-II manual, PCP commands',
    check: (files) =>
      files.pgpool.every(({ version }) => atLeast(version, '4.5'))
        ? []
        : files.scripts.flatMap((script) =>
            linesWith(script, pcpCall)
              .filter(({ text }) => /\s-(?:U|h)\b/.test(text) && !/\s(?:-w|--no-password)\b/.test(text))
              .map(({ place }) => ({ place, message: `${script.name} calls PCP without -w` })),
          ),
  },
  {
    id: 'script-role-column',
    severity: 'error',
    title: "a script reads the role from another version's column",
    consequence:
      'From 4.3 on column 6 is pg_status: the script never finds the primary, and what hangs on that, a check or a promotion, goes wrong in silence.',
    fix: 'column 7 from 4.3 on; tell the versions apart by the number of columns (9, 11, 13)',
    source: `pcp_node_info of 4.0 to 4.7 (${observed})`,
    check: checkRoleField,
  },
  {
    id: 'script-in-tmp',
    severity: 'error',
    title: 'a script works in /tmp',
    consequence:
      'Any local user can put his own file or link there first: what is run from there is his, what is written goes where he points. And /tmp is cleaned, so that one day the helper is gone and no server is detached.',
    fix: 'fixed folders that root owns, such as /etc/pgpool-integration and /var/log/pgpool-integration',
    source: "EDB's architecture guide 1.1, section 5.2",
    check: eachLine(
      /^(?!.*\bmktemp\b).*?(?<![\w$}])\/tmp\/[\w.]/,
      (text) => `uses ${/^\S+?(?=["'\s;]|$)/.exec(text)?.[0] ?? '/tmp'}`,
    ),
  },
  {
    id: 'script-unquoted-date',
    severity: 'warning',
    title: 'a date format with a blank is not quoted',
    consequence:
      'The command fails: the log has no time to put the steps of an outage in order, and under set -e the script ends there, before it detaches.',
    fix: "date '+%Y-%m-%d %H:%M:%S'",
    source: "EDB's architecture guide 1.1, section 5.2.1",
    check: eachLine(
      /\bdate\s+\+[^"'`\s]*\s+%/,
      (text) => `${text.replace(/[`;)].*$/, '')}: two arguments for date`,
    ),
  },
];
