import type { AgentParts } from './agent-parts.ts';
import { clusterStatus } from './cluster-status.ts';
import { accept, type EfmAnswer, refuse } from './efm-answer.ts';
import type { AgentRequest } from './host.ts';
import { silence } from './requests.ts';

type Done = (answer: EfmAnswer) => void;

interface PromoteOptions {
  switchover: boolean;
  noScripts: boolean;
  quiet: boolean;
  yes: boolean;
  /** Whose recovery settings the old primary gets; null: those of some standby. */
  source: string | null;
}

/** Reads the words after `promote <cluster>`; an error text for what EFM does not know. `-y` is ours: EFM asks on the terminal. */
function readOptions(agent: AgentParts, words: readonly string[]): PromoteOptions | string {
  const rest = [...words];
  const options: PromoteOptions = {
    switchover: false,
    noScripts: false,
    quiet: false,
    yes: false,
    source: null,
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '-switchover') options.switchover = true;
    else if (word === '-noscripts') options.noScripts = true;
    else if (word === '-quiet') options.quiet = true;
    else if (word === '-y') options.yes = true;
    else if (word === '-sourcenode') {
      const source = rest.shift() ?? '';
      if (agent.membership.get(source)?.role !== 'standby')
        return `efm promote: -sourcenode names a standby, and "${source}" is none`;
      options.source = source;
    } else return `efm promote: unknown option "${word}"`;
  }
  return options;
}

/**
 * `efm promote`: a switchover, or with `-y` a promotion by hand (method.md EFM 2.9, 2.10). A switchover is refused unless every
 * standby is in sync; the other goes ahead with lag and without a primary. With `-quiet` neither raises notifications.
 */
export function promote(agent: AgentParts, words: readonly string[], done: Done): void {
  const options = readOptions(agent, words);
  if (typeof options === 'string') {
    done(refuse(options));
    return;
  }
  const { quiet } = options;
  const runScripts = !options.noScripts;
  if (options.switchover) {
    clusterStatus(agent, (status) => {
      if (!status.inSync) done(refuse(`Switchover refused: ${status.messages.join(' ')}`));
      else fetchSettings(agent, options, done);
    });
    return;
  }
  const [primary] = agent.membership.with('primary');
  const question = primary
    ? `The primary ${primary.node} will be stopped and a standby promoted; it must be rebuilt to come back.`
    : 'There is no primary agent; a standby will be promoted.';
  if (!options.yes)
    done(refuse(`${question} Go on? Answer with -y, or keep the old primary as a standby with -switchover.`));
  else askCoordinator(agent, { kind: 'manualPromote', runScripts, quiet }, done);
}

/** EFM takes the settings of the node that was named, or of any standby; ours takes the first one (docs/method.md E28). */
function fetchSettings(agent: AgentParts, { source, noScripts, quiet }: PromoteOptions, done: Done): void {
  const node = source ?? agent.membership.with('standby')[0]?.node ?? '';
  agent.requests.ask({
    nodes: [node],
    timeoutMs: agent.settings.remoteTimeoutMs,
    send: (to, id) => agent.send(to, { type: 'request', id, request: { kind: 'recoverySettings' } }),
    done: ([answer]) => {
      if (answer?.ok) {
        const { detail: settings } = answer;
        askCoordinator(agent, { kind: 'switchover', runScripts: !noScripts, quiet, settings }, done);
      } else
        done(refuse(`Switchover refused: no recovery settings from ${node}: ${answer?.detail ?? silence}`));
    },
  });
}

function askCoordinator(
  agent: AgentParts,
  request: Extract<AgentRequest, { kind: 'switchover' | 'manualPromote' }>,
  done: Done,
): void {
  const isSwitchover = request.kind === 'switchover';
  const what = isSwitchover ? 'Switchover' : 'Promotion';
  agent.requests.ask({
    nodes: [agent.membership.coordinator() ?? agent.node],
    timeoutMs: agent.settings.remoteTimeoutMs,
    send: (node, id) => agent.send(node, { type: 'request', id, request }),
    done: ([answer]) => {
      if (!answer || answer.detail === silence)
        done(refuse(`The coordinator did not answer in time; the ${what.toLowerCase()} may have begun.`));
      else if (!answer.ok) done(refuse(`${what} refused: ${answer.detail ?? 'no reason given'}`));
      else {
        const after = isSwitchover ? '; the original primary will be reconfigured as a standby' : '';
        done(
          accept(
            `${what} accepted by local agent${after}.\nRun 'cluster-status' for the new state of the cluster.`,
          ),
        );
      }
    },
  });
}
