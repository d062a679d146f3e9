import type { BackendStatusEvent, RecordedEvent, ServerRoleEvent } from '../../src/recording/events.ts';
import { commandOrder } from './run-cli.ts';

/** What a run tells, as sequences that chance does not change, by whose they are. */
export type Story = Record<string, readonly string[]>;

/** A standby that was away for less has been restarted; whether a sampler saw it is chance. */
const blinkMs = 5000;

interface Spell {
  atMs: number;
  value: string;
}

/**
 * The commands of all agents in their order; the states of each agent and of the coordinators, the notices of each
 * agent; the roles of each server, and the status of each of Pgpool's nodes with the role of one that is in use (one
 * that waits for its first session is).
 *
 * @param names servers by address: a real agent's notices name addresses
 */
export function storyOf(events: readonly RecordedEvent[], names: ReadonlyMap<string, string>): Story {
  const sequences = new Map<string, Spell[]>();
  const note = (whose: string, atMs: number, value: string): void => {
    const spells = sequences.get(whose) ?? [];
    if (spells.at(-1)?.value !== value) spells.push({ atMs, value });
    sequences.set(whose, spells);
  };
  for (const event of events) {
    const { atMs } = event;
    if (event.type === 'serverRole') note(`server ${event.server}`, atMs, roleText(event));
    else if (event.type === 'backendStatus') note(`Pgpool's ${event.server}`, atMs, statusText(event));
    else if (event.type === 'agentState' && event.machine === 'agent')
      note(`agent of ${event.node}`, atMs, event.state);
    else if (event.type === 'agentState' && atMs >= 0) note('coordinator', atMs, event.state);
    else if (event.type === 'notice' && atMs >= 0)
      note(`notices of ${event.node}`, atMs, `${event.severity} ${withNames(event.subject, names)}`);
    else if (event.type === 'drill')
      note(`drill ${event.id}`, atMs, `${event.moment} ${event.target} ${event.ok}`);
  }
  const story: Story = { commands: commandOrder(events) };
  for (const [whose, spells] of sequences) story[whose] = withoutBlinks(spells);
  return story;
}

function roleText({ role }: ServerRoleEvent): string {
  return role;
}

function statusText({ status, role }: BackendStatusEvent): string {
  return status === 'down' ? status : `${status === 'waiting' ? 'up' : status} ${role}`;
}

function withNames(text: string, names: ReadonlyMap<string, string>): string {
  return text.replace(/\d+\.\d+\.\d+\.\d+/g, (address) => names.get(address) ?? address);
}

function withoutBlinks(spells: readonly Spell[]): string[] {
  const kept: Spell[] = [];
  for (const spell of spells) {
    const [before, between] = kept.slice(-2);
    const isBlink = between?.value.startsWith('down') && spell.atMs - between.atMs < blinkMs;
    if (isBlink && before?.value === spell.value) kept.pop();
    else kept.push(spell);
  }
  return kept.map(({ value }) => value);
}
