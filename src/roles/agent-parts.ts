import type { AgentCommandName, AgentRole } from '../recording/events.ts';
import type { EfmSettings } from '../topology/efm-properties.ts';
import type { NoticeId } from './efm-notices.ts';
import type { AgentCommand, AgentHost, AgentMessage, CommandOutcome } from './host.ts';
import type { Membership } from './membership.ts';
import type { Requests } from './requests.ts';

/** What the parts of an agent (coordinator, orders, `efm` commands, status) use of it. */
export interface AgentParts {
  readonly node: string;
  readonly clusterName: string;
  readonly members: readonly string[];
  readonly settings: EfmSettings;
  readonly host: AgentHost;
  readonly membership: Membership;
  readonly requests: Requests;
  readonly role: AgentRole;
  /** It runs: neither killed nor ended. */
  readonly alive: boolean;
  /** May be promoted, by its properties or by set-priority; kept until it starts anew, is promoted or resumes. */
  promotable: boolean;
  /** Holds the virtual IP, as far as it knows. */
  vipActive: boolean;
  /** Number of the promotion that made it the primary; 0 before. */
  primaryEpoch: number;
  /** Sends to another agent, or to this one, later in either case. */
  send(toNode: string, message: AgentMessage): void;
  /** Carries a command to the host, with a note of its start and end in the recording. */
  perform(
    name: AgentCommandName,
    command: AgentCommand,
    options: { target: string; done: (outcome: CommandOutcome) => void },
  ): void;
  /** Raises a notification; `node` is the one it is about, this one unless another is given. */
  notify(id: NoticeId, options?: { node?: string; more?: string }): void;
  /** Asks an idle agent to monitor its database again; false when it is not idle. */
  resume(): boolean;
  /** Ends without telling the others: for `efm stop-cluster`, since all do, or (code 1) since it cannot work here. */
  end(exitCode?: number): void;
}
