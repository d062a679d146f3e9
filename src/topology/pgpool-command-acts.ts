import { judgeTest, readCommandLine } from './command-line.ts';

/** What one run of failover_command or failback_command does, as far as its line says. */
export type CommandAct =
  /** Promotes a server; `waits`: it ends when the promotion has. `connects`: it needs the server's answer to begin. */
  | { kind: 'promotes'; node: number; waits: boolean; connects: boolean }
  /** Asks Pgpool itself for a change of its nodes, which waits until the command has ended. */
  | { kind: 'pcp'; command: 'attach' | 'detach' | 'promote'; node: number }
  /** One of the scripts of scripts/efm. */
  | { kind: 'script'; script: IntegrationScript; node: number; type: 'p' | 's'; oldPrimary: number }
  /** Known to change no server. */
  | { kind: 'nothing' }
  /** Ends in an error before it has done anything. */
  | { kind: 'fails' }
  /** Nobody knows what it does. */
  | { kind: 'unknown' };

export type IntegrationScript = 'attach' | 'detach' | 'promote' | 'follow';

export interface CommandPlace {
  /** Addresses of the backends by node id. */
  hosts: readonly string[];
  /** The node on Pgpool's own server, where a command without ssh acts; null without one. */
  local: number | null;
}

/** A run, its act, and whether Pgpool goes on before it has ended. */
export interface CommandReading {
  act: CommandAct;
  background: boolean;
}

const integrationScripts: Readonly<Record<string, IntegrationScript>> = {
  'load_balancer_attach.sh': 'attach',
  'load_balancer_detach.sh': 'detach',
  'post_promotion.sh': 'promote',
  'follow_primary.sh': 'follow',
};

const harmless = new Set(['true', ':', 'echo', 'printf', 'logger', 'date', 'touch', 'exit', 'mail', 'wall']);

/** Programs that run what follows them, with the options that take a word. */
const runners: Readonly<Record<string, RegExp>> = {
  sudo: /^-[ugh]$/,
  env: /^-[uC]$/,
  nohup: /^$/,
  setsid: /^$/,
  nice: /^-n$/,
  timeout: /^-[ks]$/,
  sh: /^$/,
  bash: /^$/,
};

/** ssh's options that take a word. */
const sshOptions = /^-[BbcDEeFIiJLlmOopQRSWw]$/;

const unknown: CommandAct = { kind: 'unknown' };
const fails: CommandAct = { kind: 'fails' };
const nothing: CommandAct = { kind: 'nothing' };

/**
 * What a command line does, its placeholders replaced.
 *
 * Known are: `pg_ctl … promote`, `pg_promote()` through psql, a trigger file, `repmgr standby promote`, here or through
 * ssh; the PCP commands; the scripts of scripts/efm; Pgpool's sample `failover.sh` (by its name; 4.0 to 4.7), with its twelve arguments
 * as the sample reads them; what only writes or logs; each behind tests joined by `&&`.
 */
export function readCommand(line: string, place: CommandPlace): CommandReading {
  const read = readCommandLine(line);
  if (!read) return { act: unknown, background: false };
  return { act: actOfClauses(read.clauses, place), background: read.background };
}

function actOfClauses(clauses: readonly (readonly string[])[], place: CommandPlace): CommandAct {
  let act = nothing;
  for (const clause of clauses) {
    const judged = judgeTest(clause);
    if (judged === false) return act;
    if (judged === true) continue;
    const next = actOf(clause, place);
    if (next.kind === 'nothing') continue;
    if (act.kind !== 'nothing' || next.kind === 'unknown') return unknown;
    if (next.kind === 'fails') return next;
    act = next;
  }
  return act;
}

function actOf(words: readonly string[], place: CommandPlace): CommandAct {
  const [program = '', ...args] = words;
  const name = program.replace(/^.*\//, '');
  const script = integrationScripts[name];
  if (script) return ourScript(script, args, place);
  if (name === 'failover.sh') return sampleScript(args, place);
  if (name === 'ssh') return overSsh(args, place);
  if (name === 'pg_ctl') return pgCtl(args, place);
  if (name === 'psql') return psql(args, place);
  if (name === 'repmgr') return args.join(' ').includes('standby promote') ? promotion(place.local) : unknown;
  if (name === 'touch' && args.some((path) => /trigger|promote/.test(path)))
    return promotion(place.local, { waits: false });
  const pcp = /^pcp_(attach|detach|promote)_node$/.exec(name)?.[1];
  if (pcp) return pcpCommand(pcp as 'attach', args);
  const option = runners[name];
  if (option) return wrapped(args, { option, name }, place);
  return harmless.has(name) ? nothing : unknown;
}

/** A runner runs the words behind its options, settings of the environment and, of timeout, the time; a shell's `-c` a line. */
function wrapped(
  args: readonly string[],
  { option, name }: { option: RegExp; name: string },
  place: CommandPlace,
): CommandAct {
  let at = 0;
  while (at < args.length) {
    const word = args[at] ?? '';
    if (option.test(word)) at += 2;
    else if (word.startsWith('-') || /^\w+=/.test(word)) at += 1;
    else break;
  }
  const isShell = name === 'sh' || name === 'bash';
  if (isShell && args.slice(0, at).includes('-c')) {
    const { act, background } = readCommand(args[at] ?? '', place);
    return background ? unknown : act;
  }
  return actOf(args.slice(name === 'timeout' ? at + 1 : at), place);
}

/** What ssh runs stands on the server that it connects to, and is read once more by the shell there. */
function overSsh(args: readonly string[], place: CommandPlace): CommandAct {
  let at = 0;
  while (args[at]?.startsWith('-')) at += sshOptions.test(args[at] ?? '') ? 2 : 1;
  const host = (args[at] ?? '').replace(/^.*@/, '');
  const command = args.slice(at + 1).join(' ');
  const local = place.hosts.indexOf(host);
  if (local < 0) return /^-?\d*$/.test(host) ? fails : unknown;
  const read = readCommandLine(command);
  return read && !read.background ? actOfClauses(read.clauses, { ...place, local }) : unknown;
}

function promotion(
  node: number | null,
  { waits = true, connects = false }: { waits?: boolean; connects?: boolean } = {},
): CommandAct {
  return node === null ? fails : { kind: 'promotes', node, waits, connects };
}

function pgCtl(args: readonly string[], { local }: CommandPlace): CommandAct {
  if (!args.includes('promote')) return args.includes('status') ? nothing : unknown;
  return promotion(local, { waits: !args.some((word) => word === '-W' || word === '--no-wait') });
}

function psql(args: readonly string[], place: CommandPlace): CommandAct {
  const text = args.join(' ');
  const call = /\bpg_promote\s*\(([^)]*)\)/i.exec(text);
  if (!call) return /\bselect\b(?!.*\bpg_)/i.test(text) ? nothing : unknown;
  const host = /(?:^|\s)(?:-h\s*|--host[= ]|host=)(\S+)/.exec(text)?.[1];
  const named = host === undefined ? place.local : place.hosts.indexOf(host);
  const waits = !/^\s*(?:wait\s*=>\s*)?'?(?:false|f|off)\b/i.test(call[1] ?? '');
  return promotion(named === null || named < 0 ? null : named, { waits, connects: true });
}

function pcpCommand(command: 'attach' | 'detach' | 'promote', args: readonly string[]): CommandAct {
  const option = args.findIndex((word) => word === '-n' || word.startsWith('--node-id'));
  const named = option < 0 ? args.at(-1) : (/=(.*)/.exec(args[option] ?? '')?.[1] ?? args[option + 1]);
  const graceful = args.some((word) => /^(-g|--gracefully|-s|--switchover)$/.test(word));
  if (graceful) return unknown;
  return /^\d+$/.test(named ?? '') ? { kind: 'pcp', command, node: Number(named) } : fails;
}

/** Their arguments are addresses, of the follow script ids (scripts/efm). */
function ourScript(script: IntegrationScript, args: readonly string[], { hosts }: CommandPlace): CommandAct {
  if (script === 'follow') {
    const [node, oldPrimary, host, port, ...more] = args;
    const fits = /^\d+$/.test(node ?? '') && /^-?\d+$/.test(oldPrimary ?? '') && /^\d+$/.test(port ?? '');
    if (!fits || !host || more.length > 0) return fails;
    return { kind: 'script', script, node: Number(node), oldPrimary: Number(oldPrimary), type: 's' };
  }
  const [host = '', type = ''] = args;
  const node = hosts.indexOf(host);
  if (node < 0 || args.length > 3 || (script !== 'promote' && !/^[pms]$/.test(type))) return fails;
  return { kind: 'script', script, node, oldPrimary: -1, type: type === 's' ? 's' : 'p' };
}

/** Pgpool's sample: nothing when no node is left or only a standby has gone, else `pg_ctl promote` on the new main node by ssh. */
function sampleScript(args: readonly string[], { hosts }: CommandPlace): CommandAct {
  const [failed = '', , , , newMain = '', host = '', , oldPrimary = ''] = args.map((word) => word.trim());
  if (Number(newMain) < 0) return nothing;
  const node = hosts.indexOf(host);
  if (node < 0) return fails;
  return oldPrimary !== '-1' && failed !== oldPrimary ? nothing : promotion(node);
}
