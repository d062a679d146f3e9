import type { AgentCommandName, AgentRole } from '../recording/events.ts';
import type { EfmSettings } from '../topology/efm-properties.ts';
import type { AgentCommand, AgentHost, AgentMessage, CommandOutcome } from './host.ts';
import type { Membership } from './membership.ts';
import type { Requests } from './requests.ts';

/** What the parts of an agent (coordinator, `efm` commands, status) use of it. */
export interface AgentParts {
  readonly node: string;
  readonly clusterName: string;
  readonly members: readonly string[];
  readonly settings: EfmSettings;
  readonly host: AgentHost;
  readonly membership: Membership;
  readonly requests: Requests;
  readonly role: AgentRole;
  /** Sends to another agent, or to this one, later in either case. */
  send(toNode: string, message: AgentMessage): void;
  /** Carries a command to the host, with a note of its start and end in the recording. */
  perform(
    name: AgentCommandName,
    command: AgentCommand,
    options: { target: string; done: (outcome: CommandOutcome) => void },
  ): void;
  notify(severity: 'INFO' | 'WARNING' | 'SEVERE', subject: string): void;
  /** Asks an idle agent to monitor its database again; false when it is not idle. */
  resume(): boolean;
}
