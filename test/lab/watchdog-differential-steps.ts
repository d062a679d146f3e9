import type { Random } from '../../src/kernel/random.ts';
import { backendIds, idsOf, profileNamed, type WatchdogProfile } from './watchdog-differential-profiles.ts';

/**
 * What is done to a Pgpool: `kill` is SIGKILL to all its processes, `stop` an orderly shutdown, `freeze` SIGSTOP and `resume`
 * SIGCONT to all, `cut` and `join` take its network away and give it back, `unlink` and `link` set its link down and up. To a
 * backend: `drop` and `lift` kill and start it. To both: `block` and `unblock` the way from a Pgpool to a backend, `detach` and
 * `attach` the backend through that Pgpool's PCP.
 */
const operands = {
  kill: 'pgpool',
  stop: 'pgpool',
  start: 'pgpool',
  freeze: 'pgpool',
  resume: 'pgpool',
  cut: 'pgpool',
  join: 'pgpool',
  unlink: 'pgpool',
  link: 'pgpool',
  drop: 'backend',
  lift: 'backend',
  block: 'both',
  unblock: 'both',
  detach: 'both',
  attach: 'both',
} as const;

export type Action = keyof typeof operands;

/** `node` is null for what is done to a backend, `backend` null for what is done to a Pgpool. */
export interface Step {
  action: Action;
  node: number | null;
  backend: number | null;
}

/** What the steps have made of each Pgpool. */
export interface Member {
  runs: boolean;
  frozen: boolean;
  cut: boolean;
  linked: boolean;
  blocked: readonly number[];
}

/** What the steps have made of everything. */
export interface Scene {
  profile: WatchdogProfile;
  members: Member[];
  backends: boolean[];
}

export function sceneAtStart(profile: WatchdogProfile): Scene {
  return {
    profile,
    members: idsOf(profile).map(() => ({ runs: true, frozen: false, cut: false, linked: true, blocked: [] })),
    backends: backendIds.map(() => true),
  };
}

export function memberOf({ members }: Scene, node: number | null): Member {
  const member = members[node ?? -1];
  if (!member) throw new Error(`no Pgpool ${node}`);
  return member;
}

export function applyTo(scene: Scene, { action, node, backend }: Step): void {
  if (node === null) {
    scene.backends[backend ?? -1] = action === 'lift';
    return;
  }
  const member = memberOf(scene, node);
  if (action === 'kill' || action === 'stop') Object.assign(member, { runs: false, frozen: false });
  if (action === 'start') member.runs = true;
  if (action === 'freeze' || action === 'resume') member.frozen = action === 'freeze';
  if (action === 'cut' || action === 'join') member.cut = action === 'cut';
  if (action === 'unlink' || action === 'link') member.linked = action === 'link';
  if (action === 'unlink' && scene.profile.monitorsLink) member.runs = false;
  if (action === 'block') member.blocked = [...member.blocked, backend ?? -1];
  if (action === 'unblock') member.blocked = member.blocked.filter((id) => id !== backend);
}

/** Whether a step can be done as things are. */
export function canBe(scene: Scene, { action, node, backend }: Step): boolean {
  if (node === null) return scene.backends[backend ?? -1] === (action === 'drop');
  const { runs, frozen, cut, linked, blocked } = memberOf(scene, node);
  switch (action) {
    case 'start':
      return !runs && linked;
    case 'join':
      return cut;
    case 'link':
      return !linked;
    case 'cut':
    case 'unlink':
      return runs && !frozen && !cut && linked && blocked.length === 0;
    case 'resume':
      return frozen;
    case 'kill':
      return runs;
    case 'block':
      return runs && !cut && linked && blocked.length === 0;
    case 'unblock':
      return blocked.includes(backend ?? -1);
    default:
      return runs && !frozen;
  }
}

const weights: Readonly<Record<Action, number>> = {
  kill: 3,
  stop: 2,
  start: 6,
  freeze: 2,
  resume: 4,
  cut: 2,
  join: 4,
  unlink: 1,
  link: 4,
  drop: 2,
  lift: 3,
  block: 1,
  unblock: 3,
  detach: 1,
  attach: 1,
};

function everyStep(profile: WatchdogProfile): Step[] {
  const ids = idsOf(profile);
  return (Object.keys(operands) as Action[]).flatMap((action): Step[] => {
    const kind = operands[action];
    if (kind === 'pgpool') return ids.map((node) => ({ action, node, backend: null }));
    if (kind === 'backend') return backendIds.map((backend) => ({ action, node: null, backend }));
    return ids.flatMap((node) => backendIds.map((backend) => ({ action, node, backend })));
  });
}

/**
 * Whether the Pgpools come to rest after it. Two of four that do not reach the primary give the lead to each other every 15 s, for
 * ever. Where one alone sets a primary down whose packets vanish, its search for another holds it for two minutes and more.
 */
function comesToRest({ profile, members }: Scene, { action, backend }: Step): boolean {
  if (action === 'cut') return !profile.aloneDetaches;
  if (action !== 'block' || backend !== 0 || members.length < 4) return true;
  return members.every(({ blocked }) => !blocked.includes(0));
}

/** Draws a sequence of steps that can be done. */
export function drawSteps(profile: WatchdogProfile, random: Random, count: number): Step[] {
  const scene = sceneAtStart(profile);
  const every = everyStep(profile);
  const steps: Step[] = [];
  while (steps.length < count) {
    const possible = every.filter((step) => canBe(scene, step) && comesToRest(scene, step));
    let at = random.unit() * possible.reduce((sum, { action }) => sum + weights[action], 0);
    const step = possible.find(({ action }) => {
      at -= weights[action];
      return at < 0;
    });
    if (!step) continue;
    steps.push(step);
    applyTo(scene, step);
  }
  return steps;
}

export const textOf = ({ action, node, backend }: Step): string =>
  [action, node, backend].filter((word) => word !== null).join(' ');

/** Reads a sequence as `textOf` writes its steps, with commas between; settings other than `three` stand before it: `two: kill 0, start 0`. */
export function parseSequence(sequence: string): { profile: WatchdogProfile; steps: Step[] } {
  const [, name = 'three', words = ''] = /^(?:\s*([\w-]+):)?(.*)$/s.exec(sequence) ?? [];
  const profile = profileNamed(name);
  const every = new Map(everyStep(profile).map((step) => [textOf(step), step]));
  const steps = words.split(',').map((part) => {
    const step = every.get(part.trim());
    if (!step) throw new Error(`no step: "${part.trim()}"`);
    return step;
  });
  return { profile, steps };
}
