import type { AgentParts } from './agent-parts.ts';
import { clusterStatus, nodeStatus } from './cluster-status.ts';
import { renderStatus } from './cluster-status-text.ts';
import { hasSince } from './efm-abilities.ts';
import { accept, type EfmAnswer, refuse } from './efm-answer.ts';
import { promote } from './efm-promote-command.ts';
import { silence } from './requests.ts';

export const efmUsage = `usage: efm <command> <cluster> [options]
  cluster-status <cluster>                                     agents, databases, WAL positions
  cluster-status-json <cluster>                                the same as one line of JSON
  node-status-json <cluster>                                   this node only
  promote <cluster> -switchover [-sourcenode <address>] [-quiet] [-noscripts]
                                                               planned change of primary
  promote <cluster> -y [-quiet] [-noscripts]                   promotion by hand; -y answers EFM's questions
  resume <cluster>                                             an idle agent monitors its database again
  set-priority <cluster> <address> <place>                     place in the standby priority list; 0: not promotable
  allow-node <cluster> <address>                               the node may join
  disallow-node <cluster> <address>                            the node may not join again
  reset-members <cluster>                                      forgets the members that are down
  stop-cluster <cluster>                                       ends all agents; databases run on
`;

type Done = (answer: EfmAnswer) => void;
type Command = (agent: AgentParts, words: readonly string[], done: Done) => void;

const commands: Readonly<Record<string, Command>> = {
  'cluster-status': (agent, _, done) =>
    clusterStatus(agent, (status) =>
      done({ exitCode: status.healthy ? 0 : 1, stdout: renderStatus(agent, status), stderr: '' }),
    ),
  'cluster-status-json': (agent, _, done) =>
    clusterStatus(agent, (status) =>
      done({ exitCode: status.healthy ? 0 : 1, stdout: `${JSON.stringify(status.json)}\n`, stderr: '' }),
    ),
  'node-status-json': (agent, _, done) =>
    nodeStatus(agent, ({ healthy, json }) =>
      done({ exitCode: healthy ? 0 : 1, stdout: `${JSON.stringify(json)}\n`, stderr: '' }),
    ),
  promote,
  resume: (agent, _, done) =>
    done(
      agent.resume()
        ? accept('Resume command accepted by local agent.')
        : refuse(`The local agent is not idle (it is ${agent.role}); only an idle agent can resume.`),
    ),
  'set-priority': setPriority,
  'allow-node': (agent, words, done) => done(setAllowed(agent, words, true)),
  'disallow-node': (agent, words, done) => done(setAllowed(agent, words, false)),
  'reset-members': (agent, _, done) => done(resetMembers(agent)),
  'stop-cluster': stopCluster,
};

/** Since which EFM some of them exist. */
const since: Readonly<Record<string, string>> = { 'node-status-json': '3.10', 'reset-members': '4.8' };

/** Answers a sub-command of `efm` at one agent; `args` are those after the program name. */
export function answerEfmCommand(agent: AgentParts, args: readonly string[], done: Done): void {
  const [name = '', , ...words] = args;
  const command = commands[name];
  const version = since[name] ?? '3.9';
  if (!command || !hasSince(agent.settings, version))
    done(refuse(`efm: "${name}" is no command of this release\n${efmUsage.trimEnd()}`));
  else command(agent, words, done);
}

/** Moves a standby in the priority list, or takes it out (0); told to its agent too, for it may not be promotable by its properties. */
function setPriority(agent: AgentParts, [address = '', place = '']: readonly string[], done: Done): void {
  const { membership, requests, settings } = agent;
  const { priority } = membership.shared;
  if (!/^\d+$/.test(place)) {
    done(refuse(`efm set-priority: the place is a whole number from 0, got "${place}"`));
    return;
  }
  const member = membership.get(address);
  if (!member || member.role === 'witness') {
    done(refuse(`efm set-priority: there is no database node ${address} in the cluster`));
    return;
  }
  const promotable = Number(place) > 0;
  requests.ask({
    nodes: [address],
    timeoutMs: settings.remoteTimeoutMs,
    send: (node, id) =>
      agent.send(node, { type: 'request', id, request: { kind: 'setPromotable', promotable } }),
    done: ([answer]) => {
      if (!answer?.ok) {
        done(refuse(`efm set-priority: the agent on ${address} gave ${answer?.detail ?? silence}`));
        return;
      }
      // Places are counted among those that can be promoted now, as cluster-status lists them.
      const candidates = membership.candidates().filter((node) => node !== address);
      const others = priority.filter((node) => node !== address && !candidates.includes(node));
      const at = promotable ? Number(place) - 1 : candidates.length;
      membership.share({
        priority: [...candidates.slice(0, at), address, ...candidates.slice(at), ...others],
      });
      done(accept(`Priority of ${address} is set.`));
    },
  });
}

function setAllowed(agent: AgentParts, [address = '']: readonly string[], allow: boolean): EfmAnswer {
  const { members, membership } = agent;
  if (!members.includes(address)) return refuse(`efm: ${address} is not in this cluster's list of nodes`);
  const others = membership.shared.allowed.filter((node) => node !== address);
  membership.share({ allowed: allow ? [...others, address] : others });
  return accept(`${address} is ${allow ? 'allowed' : 'no longer allowed'} to join.`);
}

function resetMembers(agent: AgentParts): EfmAnswer {
  const { membership } = agent;
  const known = membership.all().map(({ node }) => node);
  membership.share({ known, allowed: known, resets: membership.shared.resets + 1 });
  agent.notify('membersReset');
  return accept(`The cluster has ${known.length} members now: ${known.join(' ')}`);
}

/** Ends all agents, this one last; databases and virtual IP stay as they are. */
function stopCluster(agent: AgentParts, _: readonly string[], done: Done): void {
  const { membership, requests, settings, host } = agent;
  if (!settings.enableStopCluster) {
    done(refuse('efm stop-cluster: enable.stop.cluster is false'));
    return;
  }
  requests.ask({
    nodes: membership.all().flatMap(({ node }) => (node === agent.node ? [] : node)),
    timeoutMs: settings.remoteTimeoutMs,
    send: (node, id) => agent.send(node, { type: 'request', id, request: { kind: 'stopCluster' } }),
    done: () => {
      done(accept('All agents of the cluster have been told to stop.'));
      host.clock.setTimeout(() => agent.end(), 0);
    },
  });
}
