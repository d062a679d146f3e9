import type { AgentStateEvent } from '../recording/events.ts';
import { isMonitoring } from './state-path.ts';

/**
 * The server that a drill killed last, until its agent monitors it again.
 *
 * Not until Pgpool has it back: that may come first, and then there is still a server to resume.
 */
export class FailedServer {
  #server: string | null = null;
  #sinceMs = 0;

  /** Name of the server, as in the cluster model; null when there is none, or no more. */
  get name(): string | null {
    return this.#server;
  }

  killed(server: string, atMs: number): void {
    this.#server = server;
    this.#sinceMs = atMs;
  }

  /** Events may arrive late; one from before the kill says nothing. */
  take({ node, machine, state, atMs }: Omit<AgentStateEvent, 'type'>): void {
    if (node !== this.#server || machine !== 'agent' || atMs < this.#sinceMs) return;
    if (isMonitoring(state)) this.#server = null;
  }
}
