import {
  at,
  type ConfigFile,
  hasPgpool,
  isNative,
  isOn,
  isWitness,
  type LintFiles,
  told,
  value,
} from './files.ts';
import type { Hit, Rule } from './rule.ts';
import { allHooks, type HookCommand, hookOf } from './scripts.ts';

const properties = 'EDB docs, EFM cluster properties';
const guide = "EDB's architecture guide 1.1 (2020), section 3.1";
const attach = 'script.load.balancer.attach';
const detach = 'script.load.balancer.detach';
const postPromotion = 'script.post.promotion';

/** Where a hook is not set although there is a Pgpool and EFM does not speak to it itself. */
function missing(name: string, options: { witness: boolean }): Rule['check'] {
  return (files) =>
    (hasPgpool(files) ? files.efm : [])
      .filter((file) => !isNative(file) && (options.witness || !isWitness(file)))
      .filter((file) => value(file, name) === '')
      .map((file) => ({
        place: at(file, name),
        message: `${name} is not set${isWitness(file) ? ' on the witness' : ''}`,
      }));
}

/** Where one of these hooks does not pass a placeholder. */
function withoutMark(mark: string, names: readonly string[]): Rule['check'] {
  return ({ efm }) =>
    efm.flatMap((file) =>
      names
        .map((name) => hookOf(file, name))
        .filter((hook) => hook !== undefined)
        .filter((hook) => !hook.words.includes(mark))
        .map((hook) => ({ place: hook.place, message: `${told(file, hook.name)} does not pass ${mark}` })),
    );
}

function checkNative({ efm }: LintFiles): Hit[] {
  const needed = ['pcp.user', 'pcp.host', 'pcp.port', 'pcp.pass.file', 'pgpool.bin'];
  return efm.filter(isNative).flatMap((file) => {
    const blank = needed.filter((name) => value(file, name) === '');
    if (blank.length === 0) return [];
    const verb = blank.length === 1 ? 'is' : 'are';
    return [
      {
        place: at(file, 'pgpool.enable'),
        message: `pgpool.enable=true, but ${blank.join(', ')} ${verb} not set`,
      },
    ];
  });
}

/** A custom monitor's failure counts as the database's unless its safe mode is on. */
function monitors(file: ConfigFile): boolean {
  return !isWitness(file) && value(file, 'script.custom.monitor') !== '';
}

function checkMonitorTimes({ efm }: LintFiles): Hit[] {
  return efm.filter(monitors).flatMap((file) => {
    const blank = ['custom.monitor.interval', 'custom.monitor.timeout'].filter(
      (name) => !(Number(value(file, name)) > 0),
    );
    if (blank.length === 0) return [];
    const message = `script.custom.monitor is set, ${blank.join(' and ')} not`;
    return [{ place: at(file, 'script.custom.monitor'), message }];
  });
}

/** Hooks whose program is written as a path of some kind. */
function hooksWhere(wrong: (hook: HookCommand, files: LintFiles) => string | null): Rule['check'] {
  return (files) =>
    allHooks(files).flatMap((hook) => {
      const message = wrong(hook, files);
      return message === null ? [] : [{ place: hook.place, message }];
    });
}

/** What EFM runs, with which arguments, and whether anybody hears of it. */
export const efmHookRules: readonly Rule[] = [
  {
    id: 'efm-detach-hook-missing',
    severity: 'error',
    title: 'nothing detaches a failed server from Pgpool',
    consequence:
      'Pgpool goes on with a dead primary and refuses every new session, reads too, until a person detaches it. The witness needs the hook as well: it detaches servers that are gone with their agent.',
    fix: `${detach}=/path/load_balancer_detach.sh %h %t on every node, or pgpool.enable=true (EFM 4.1 and later)`,
    source: `${guide}; hooks on the witness: ${properties}`,
    check: missing(detach, { witness: true }),
  },
  {
    id: 'efm-rebuild-without-detach',
    severity: 'error',
    title: 'a failed primary is rebuilt although nothing takes it out of Pgpool',
    consequence:
      'A server that was dead, was passed by and lives again while Pgpool lists it in use makes Pgpool refuse every new session when it is the lowest node, although all servers are well.',
    fix: 'script.load.balancer.detach=/path/load_balancer_detach.sh %h %t, or pgpool.enable=true',
    source:
      'observed on Pgpool-II 4.3.5 (docs/pgpool-observed.md P30); EDB docs, EFM cluster properties: auto.rewind, auto.basebackup',
    check: (files) =>
      (hasPgpool(files) ? files.efm : [])
        .filter((file) => !isNative(file) && !isWitness(file) && value(file, detach) === '')
        .flatMap((file) =>
          ['auto.rewind', 'auto.basebackup']
            .filter((name) => isOn(file, name))
            .map((name) => ({ place: at(file, name), message: `${told(file, name)} without ${detach}` })),
        ),
  },
  {
    id: 'efm-attach-hook-missing',
    severity: 'error',
    title: 'nothing attaches a server that is back',
    consequence:
      'A standby that was rebuilt or resumed gets no sessions: read capacity stays reduced after every failure, until none is left.',
    fix: `${attach}=/path/load_balancer_attach.sh %h %t on every node, or pgpool.enable=true (EFM 4.1 and later)`,
    source: `${guide}; ${properties}`,
    check: missing(attach, { witness: true }),
  },
  {
    id: 'efm-post-promotion-missing',
    severity: 'error',
    title: 'nobody tells Pgpool of the new primary',
    consequence:
      "EFM detaches before it promotes. When the promotion ends after Pgpool's search, Pgpool has no primary: writes go to a standby and fail with 25006 until a person runs pcp_promote_node.",
    fix: `${postPromotion}=/path/post_promotion.sh %p %f on every database server`,
    source:
      "EDB's architecture guide 1.1, section 3.2 relies on it and neither sets nor prints it; observed on Pgpool-II 4.3.5",
    check: missing(postPromotion, { witness: false }),
  },
  {
    id: 'efm-post-promotion-arguments',
    severity: 'error',
    title: 'the post-promotion script does not learn who was promoted',
    consequence: 'It cannot tell Pgpool the new primary: writes fail until a person does.',
    fix: `${postPromotion}=/path/post_promotion.sh %p %f`,
    source: `${properties}: %p is the new primary`,
    check: (files) =>
      withoutMark('%p', [postPromotion])({ ...files, efm: files.efm.filter((file) => !isNative(file)) }),
  },
  {
    id: 'efm-hook-without-address',
    severity: 'error',
    title: 'a load balancer hook does not learn which server',
    consequence:
      'The script cannot find the backend: the dead server stays attached, or the one that is back stays out.',
    fix: 'pass %h %t',
    source: guide,
    check: withoutMark('%h', [attach, detach]),
  },
  {
    id: 'efm-hook-without-type',
    severity: 'warning',
    title: 'the attach hook cannot tell a primary from a standby',
    consequence:
      'It takes any server that answers: an old primary that came back as a second primary is attached, and with a higher node id it gets the writes, which are lost.',
    fix: 'pass %h %t (%t is p or m for a primary, s for a standby)',
    source: `${properties}: %t; the guide passes %h alone`,
    check: withoutMark('%t', [attach]),
  },
  {
    id: 'efm-native-and-hooks',
    severity: 'warning',
    title: 'EFM and the scripts both act on Pgpool',
    consequence:
      'Each change is sent twice. Pgpool takes one a second and holds up sessions meanwhile; the second promote sets every other server down once more.',
    fix: 'either pgpool.enable=true or the script hooks',
    source: 'EDB docs, EFM 4 with Pgpool: with the native integration the script properties are unnecessary',
    check: ({ efm }) =>
      efm.filter(isNative).flatMap((file) =>
        [attach, detach]
          .filter((name) => value(file, name) !== '')
          .slice(0, 1)
          .map((name) => ({ place: at(file, name), message: `pgpool.enable=true and ${told(file, name)}` })),
      ),
  },
  {
    id: 'efm-native-incomplete',
    severity: 'error',
    title: 'EFM cannot reach Pgpool',
    consequence:
      'No detach and no attach gets through: Pgpool refuses every session while a dead primary is attached.',
    fix: 'pcp.user, pcp.host, pcp.port, pcp.pass.file and pgpool.bin on every node',
    source: 'EDB docs, EFM 4 with Pgpool',
    check: checkNative,
  },
  {
    id: 'efm-custom-monitor-unsafe',
    severity: 'warning',
    title: "the custom monitor's failure is the database's failure",
    consequence:
      'Any exit code but 0, of a missing program or a full disk as well, stops the primary and promotes a standby.',
    fix: 'custom.monitor.safe.mode=true until the script has proven itself',
    source: properties,
    check: ({ efm }) =>
      efm
        .filter((file) => monitors(file) && !isOn(file, 'custom.monitor.safe.mode'))
        .map((file) => ({
          place: at(file, 'script.custom.monitor'),
          message: `${told(file, 'script.custom.monitor')} without safe mode`,
        })),
  },
  {
    id: 'efm-custom-monitor-incomplete',
    severity: 'error',
    title: 'the custom monitor has no interval or no limit',
    consequence: 'The agent does not start: the server is not watched, and does not fail over.',
    fix: 'custom.monitor.interval and custom.monitor.timeout in seconds',
    source: `${properties}: required with script.custom.monitor`,
    check: checkMonitorTimes,
  },
  {
    id: 'efm-nobody-notified',
    severity: 'warning',
    title: 'nobody hears of a failover',
    consequence:
      'A failed primary stays down and unrebuilt, a failing hook unmended, and the next failure finds no standby.',
    fix: 'user.email or script.notification',
    source: properties,
    check: ({ efm }) =>
      efm
        .filter((file) => value(file, 'user.email') === '' && value(file, 'script.notification') === '')
        .map((file) => ({
          place: at(file, 'user.email'),
          message: 'neither user.email nor script.notification',
        })),
  },
  {
    id: 'hook-path-relative',
    severity: 'error',
    title: "a command of Pgpool's is named without its full path",
    consequence:
      'Pgpool runs in a folder of its own and does not find it: the command never runs, standbys are not attached after a promotion.',
    fix: 'an absolute path',
    source: 'Pgpool-II manual, follow_primary_command: run by the shell; of EFM efm-invalid-value tells it',
    check: hooksWhere(({ file, name, program }) =>
      file.document.kind === 'efm' || program.startsWith('/') ? null : `${name} runs "${program}"`,
    ),
  },
  {
    id: 'hook-missing',
    severity: 'error',
    title: 'a hook does not exist',
    consequence:
      'It never runs: servers are not detached, not attached or not promoted in Pgpool when it counts.',
    fix: 'put the script there, on every node',
    source: properties,
    check: hooksWhere(({ name, program }, { paths }) => {
      const facts = paths.get(program);
      return facts && !facts.exists ? `${name}: ${facts.path} does not exist` : null;
    }),
  },
  {
    id: 'hook-not-executable',
    severity: 'error',
    title: 'a hook cannot be executed',
    consequence:
      'It never runs: servers are not detached, not attached or not promoted in Pgpool when it counts.',
    fix: 'chmod 755, owned by root or by the user that runs it',
    source: properties,
    check: hooksWhere(({ name, program }, { paths }) => {
      const facts = paths.get(program);
      return facts?.exists && (facts.mode & 0o111) === 0 ? `${name}: ${facts.path} is not executable` : null;
    }),
  },
];
