import type { AgentParts } from './agent-parts.ts';
import { clusterStatus, renderStatus } from './cluster-status.ts';
import { silence } from './requests.ts';

/** What an `efm` command prints and returns. */
export interface EfmAnswer {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export const efmUsage = `usage: efm <command> <cluster> [options]
  cluster-status <cluster>                                     agents, databases, WAL positions
  cluster-status-json <cluster>                                the same as one line of JSON
  promote <cluster> -switchover [-quiet] [-noscripts]          planned change of primary
  resume <cluster>                                             an idle agent monitors its database again
`;

const refuse = (text: string): EfmAnswer => ({ exitCode: 1, stdout: '', stderr: `${text}\n` });

/** Answers a sub-command of `efm` at one agent; `args` are those after the program name. */
export function answerEfmCommand(
  agent: AgentParts,
  args: readonly string[],
  done: (answer: EfmAnswer) => void,
): void {
  const [command, , ...options] = args;
  switch (command) {
    case 'cluster-status':
    case 'cluster-status-json':
      clusterStatus(agent, (status) => {
        const stdout =
          command === 'cluster-status' ? renderStatus(status) : `${JSON.stringify(status.json)}\n`;
        done({ exitCode: status.healthy ? 0 : 1, stdout, stderr: '' });
      });
      return;
    case 'promote':
      promote(agent, options, done);
      return;
    case 'resume':
      done(
        agent.resume()
          ? { exitCode: 0, stdout: 'Resume command accepted by local agent.\n', stderr: '' }
          : refuse(`The local agent is not idle (it is ${agent.role}); only an idle agent can resume.`),
      );
      return;
    default:
      done(refuse(`efm: "${command ?? ''}" is no command of this release\n${efmUsage.trimEnd()}`));
  }
}

function promote(agent: AgentParts, options: readonly string[], done: (answer: EfmAnswer) => void): void {
  const unknown = options.find((option) => !['-switchover', '-quiet', '-noscripts'].includes(option));
  if (unknown) {
    done(refuse(`efm promote: unknown option "${unknown}"\n${efmUsage.trimEnd()}`));
    return;
  }
  if (!options.includes('-switchover')) {
    done(refuse('efm promote: only "promote <cluster> -switchover" is supported in this release'));
    return;
  }
  clusterStatus(agent, (status) => {
    if (!status.inSync) {
      done(refuse(`Switchover refused: ${status.messages.join(' ')}`));
      return;
    }
    const coordinator = agent.membership.coordinator() ?? agent.node;
    agent.requests.ask({
      nodes: [coordinator],
      timeoutMs: agent.settings.remoteTimeoutMs,
      send: (node, id) => {
        const request = { kind: 'switchover', runScripts: !options.includes('-noscripts') } as const;
        agent.send(node, { type: 'request', id, request });
      },
      done: ([answer]) => {
        if (!answer?.ok) {
          const silent = !answer || answer.detail === silence;
          done(
            refuse(
              silent
                ? 'The coordinator did not answer in time; the switchover may have begun.'
                : `Switchover refused: ${answer.detail ?? 'no reason given'}`,
            ),
          );
          return;
        }
        const stdout =
          'Switchover accepted by local agent; the original primary will be reconfigured as a standby.\n' +
          "Run 'cluster-status' for the new state of the cluster.\n";
        done({ exitCode: 0, stdout, stderr: '' });
      },
    });
  });
}
