import type { Place } from '../../kernel/errors.ts';
import { at, type ConfigFile, type LintFiles, type ScriptFile, value } from './files.ts';

/** A command line that a setting holds. */
export interface HookCommand {
  file: ConfigFile;
  name: string;
  place: Place;
  /** The program's path as written; of `bash /opt/follow.sh` the script's. */
  program: string;
  words: readonly string[];
}

/** EFM's hooks by property name. */
export const efmHooks = [
  'script.load.balancer.attach',
  'script.load.balancer.detach',
  'script.post.promotion',
  'script.remote.pre.promotion',
  'script.remote.post.promotion',
  'script.fence',
  'script.db.failure',
  'script.primary.isolated',
  'script.master.isolated',
  'script.resumed',
  'script.custom.monitor',
  'script.notification',
  'script.db.password',
] as const;

/** Pgpool's settings that hold a command; the follow command under both names, since a file may have the one that is ignored. */
const pgpoolHooks = [
  'follow_primary_command',
  'follow_master_command',
  'failover_command',
  'failback_command',
  'wd_escalation_command',
];

/** Programs that run another one, which is the hook then. */
const runners = /^(?:\/\S*\/)?(?:sudo|env|sh|bash|dash|ksh|timeout|nohup|setsid|nice)$/;

/** The command that a setting holds; undefined when it holds none. */
export function hookOf(file: ConfigFile, name: string): HookCommand | undefined {
  const words = value(file, name)
    .split(/\s+/)
    .filter((word) => word !== '');
  const first = words[0];
  if (first === undefined) return undefined;
  const run = runners.test(first) ? words.find((word) => word.startsWith('/') && !runners.test(word)) : first;
  return { file, name, place: at(file, name), program: run ?? first, words };
}

/** Every command that the files name. */
export function allHooks(files: LintFiles): HookCommand[] {
  const found = [
    ...files.efm.flatMap((file) => efmHooks.map((name) => hookOf(file, name))),
    ...files.pgpool.flatMap((file) => pgpoolHooks.map((name) => hookOf(file, name))),
  ];
  return found.filter((hook) => hook !== undefined);
}

/** The script of the folder that a command runs, by its name; undefined without one. */
export function scriptOf(files: LintFiles, hook: HookCommand | undefined): ScriptFile | undefined {
  if (!hook) return undefined;
  const name = hook.program.replace(/^.*\//, '');
  return files.scripts.find((script) => script.name === name);
}

/** Scripts that a command of one of these settings runs, each once. */
export function scriptsOfHooks(files: LintFiles, isWanted: (setting: string) => boolean): ScriptFile[] {
  const hooks = allHooks(files).filter(({ name }) => isWanted(name));
  const scripts = hooks.map((hook) => scriptOf(files, hook)).filter((script) => script !== undefined);
  return [...new Set(scripts)];
}

/** Whether a setting is the command that Pgpool runs for nodes that follow a new primary. */
export function isFollowCommand(name: string): boolean {
  return name === 'follow_primary_command' || name === 'follow_master_command';
}

/** The text of a script and of all scripts of the folder that it names, without comment lines. */
export function reachableText(files: LintFiles, script: ScriptFile): string {
  const reached = new Set([script]);
  for (const current of reached) {
    const code = codeOf(current);
    for (const other of files.scripts) if (code.includes(other.name)) reached.add(other);
  }
  return [...reached].map(codeOf).join('\n');
}

/** A script's text without lines that are comments alone; line numbers stay. */
export function codeOf(script: ScriptFile): string {
  return script.text
    .split('\n')
    .map((line) => (/^\s*#/.test(line) ? '' : line))
    .join('\n');
}

/** A command line of a script that matches. */
export interface ScriptLine {
  place: Place;
  /** The line from the match on, lines that it goes on in joined to it. */
  text: string;
}

/** Lines of a script that match, comments left out; each with the column of the match. */
export function linesWith(script: ScriptFile, pattern: RegExp): ScriptLine[] {
  const found: ScriptLine[] = [];
  const lines = codeOf(script).split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = index + 1;
    let text = lines[index] ?? '';
    while (text.endsWith('\\') && index + 1 < lines.length) {
      index += 1;
      text = `${text.slice(0, -1)} ${lines[index]?.trim()}`;
    }
    const column = text.search(pattern);
    if (column < 0) continue;
    found.push({ place: { file: script.path, line, column: column + 1 }, text: text.slice(column) });
  }
  return found;
}

/** A call of a PCP command: by its path, or first in its line, a substitution or a pipe, with or without timeout or sudo. */
export const pcpCall =
  /(?:^\s*|[/`|;&]\s*|\$\(\s*|\b(?:then|else|do|if|exec)\s+)(?:(?:timeout|sudo|env)\s[^|;&]*?)?\bpcp_\w+"?\s/;

/** Whether a script, or one that it calls, asks a server whether it answers or is a standby. */
export function asksServer(text: string): boolean {
  return /pg_isready|pg_is_in_recovery/.test(text);
}
