import { invariant } from '../kernel/errors.ts';
import type { AgentRole } from '../recording/events.ts';

/** A statechart's value as a path: `{primary: {demoting: 'stopping'}}` is `primary.demoting.stopping`. */
export function statePath(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[head, rest] = ['', '']] = Object.entries(value as Record<string, unknown>);
  return `${head}.${statePath(rest)}`;
}

/** Whether an agent watches its database in this state, with nothing wrong. */
export function isMonitoring(path: string): boolean {
  return path === 'primary.monitoring' || path === 'standby.monitoring';
}

/** The role that an agent shows to others in a state of its statechart. */
export function roleOf(path: string): AgentRole {
  const [top = ''] = path.split('.');
  switch (top) {
    case 'reconfiguring':
    case 'rejoining':
      return 'standby';
    case 'leaving':
    case 'stopped':
      return 'starting';
    case 'starting':
    case 'witness':
    case 'primary':
    case 'standby':
    case 'promoting':
    case 'idle':
      return top;
    default:
      invariant(false, `no role for agent state "${path}"`);
  }
}
