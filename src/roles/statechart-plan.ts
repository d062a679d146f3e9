import type { AnyEventObject, AnyStateMachine, AnyStateNode } from 'xstate';
import { invariant } from '../kernel/errors.ts';

/** An action as xstate's builders make it: a function that carries what to do. */
export interface ChartAction {
  readonly type: string;
  /** Of `assign`. */
  readonly assignment?: unknown;
  /** Of `emit` and `raise`. */
  readonly event?: unknown;
  /** Of `raise`, which is how xstate writes `after`. */
  readonly id?: string;
  readonly delay?: unknown;
  /** Of `cancel`. */
  readonly sendId?: string;
  /** Of `enqueueActions`. */
  readonly collect?: (given: object) => void;
}

export interface Given {
  readonly context: object;
  readonly event: AnyEventObject;
}

type Guard = (given: Given) => boolean;

/** One transition of a statechart, with its guard looked up. */
export interface ChartTransition {
  readonly id: number;
  readonly source: AnyStateNode;
  readonly target: readonly AnyStateNode[] | null;
  readonly reenter: boolean;
  readonly guard: Guard | null;
  readonly actions: readonly ChartAction[];
}

/** States that are active together, with all that follows from that alone. */
export interface Configuration {
  readonly nodes: readonly AnyStateNode[];
  /** By leaf: eventless transitions of it and of what it lies in, in the order in which they are tried. */
  readonly eventless: readonly (readonly ChartTransition[])[];
  /** No two regions: each active state lies in the one before it. */
  readonly isOneLine: boolean;
  /** By event, of one line: the transitions that are tried, in order. */
  readonly tried: Map<string, readonly ChartTransition[]>;
  /** Active states within an active one. */
  readonly within: ReadonlyMap<AnyStateNode, readonly AnyStateNode[]>;
  /** As xstate writes it: `'idle'`, `{ primary: 'monitoring' }`. */
  readonly value: unknown;
  readonly tags: ReadonlySet<string>;
  /** A final state of the whole statechart is among them. */
  readonly isFinal: boolean;
  readonly steps: Map<string, Step>;
}

/** What a set of transitions does to a configuration: actions in order, and what is active then. */
export interface Step {
  readonly actions: readonly ChartAction[];
  readonly next: Configuration;
}

const charts = new WeakMap<AnyStateMachine, ChartPlan>();

/** The plan of a statechart, made once. */
export function planOf(machine: AnyStateMachine): ChartPlan {
  const known = charts.get(machine);
  if (known) return known;
  const plan = new ChartPlan(machine);
  charts.set(machine, plan);
  return plan;
}

/**
 * The structure of a statechart: what each step leaves and enters is found once and kept, since the statecharts do not change and
 * a simulation takes the same few hundred steps millions of times.
 *
 * By the SCXML algorithm as xstate 5 has it, for what the statecharts here use: compound and parallel states, eventless, delayed,
 * re-entering and targetless transitions, final states at the top. History, invoked actors and wildcards are refused.
 */
export class ChartPlan {
  readonly machine: AnyStateMachine;
  /** The step into the first configuration. */
  readonly begin: Step;
  readonly #always = new Map<AnyStateNode, readonly ChartTransition[]>();
  readonly #on = new Map<AnyStateNode, ReadonlyMap<string, readonly ChartTransition[]>>();
  readonly #configurations = new Map<string, Configuration>();
  #transitions = 0;

  constructor(machine: AnyStateMachine) {
    this.machine = machine;
    this.#read(machine.root);
    const entered = [machine.root, ...descendantsEntered(machine.root)].sort(byOrder);
    this.begin = { actions: entered.flatMap(entryOf), next: this.#configuration(entered) };
  }

  /** The transitions that an event takes: of the innermost states that have one whose guard holds, in each region. */
  taken(configuration: Configuration, given: Given): readonly ChartTransition[] {
    const { type } = given.event;
    if (!configuration.isOneLine) return this.#takenIn(configuration, given, this.machine.root);
    let tried = configuration.tried.get(type);
    if (!tried) {
      const inwards = [...configuration.nodes].sort(byOrder).reverse();
      tried = inwards.flatMap((node) => this.#on.get(node)?.get(type) ?? none);
      configuration.tried.set(type, tried);
    }
    for (const transition of tried) if (holds(transition, given)) return [transition];
    return none;
  }

  #takenIn(configuration: Configuration, given: Given, node: AnyStateNode): readonly ChartTransition[] {
    const within = configuration.within.get(node) ?? none;
    const inner = within.flatMap((child) => this.#takenIn(configuration, given, child));
    if (inner.length > 0) return inner;
    const own = this.#on
      .get(node)
      ?.get(given.event.type)
      ?.find((transition) => holds(transition, given));
    return own ? [own] : none;
  }

  step(from: Configuration, transitions: readonly ChartTransition[]): Step {
    const key =
      transitions.length === 1 ? String(transitions[0]?.id) : transitions.map(({ id }) => id).join();
    const known = from.steps.get(key);
    if (known) return known;
    const step = this.#find(from, transitions);
    from.steps.set(key, step);
    return step;
  }

  #find(from: Configuration, transitions: readonly ChartTransition[]): Step {
    const exits = transitions.map((transition) => exitSet(from, transition));
    const left = new Set(exits.flat());
    invariant(left.size === exits.flat().length, 'two transitions of one step leave the same state');
    const entered = new Set(transitions.flatMap(entrySet));
    const nodes = new Set(from.nodes);
    const leaving = [...left].sort(byOrder).reverse();
    for (const node of leaving) nodes.delete(node);
    const entering = [...entered].sort(byOrder);
    for (const node of entering) nodes.add(node);
    const same = nodes.size === from.nodes.length && from.nodes.every((node) => nodes.has(node));
    const next = same ? from : this.#configuration([...nodes]);
    const atEnd = next.isFinal ? [...next.nodes].sort(byOrder).reverse().flatMap(exitOf) : [];
    return {
      actions: [
        ...leaving.flatMap(exitOf),
        ...transitions.flatMap(({ actions }) => actions),
        ...entering.flatMap(entryOf),
        ...atEnd,
      ],
      next,
    };
  }

  #configuration(nodes: readonly AnyStateNode[]): Configuration {
    const key = nodes.map(({ order }) => order).join();
    const known = this.#configurations.get(key);
    if (known) return known;
    const active = new Set(nodes);
    const configuration: Configuration = {
      nodes,
      eventless: nodes
        .filter(isLeaf)
        .map((leaf) => [leaf, ...ancestorsOf(leaf)].flatMap((node) => this.#always.get(node) ?? []))
        .filter(({ length }) => length > 0),
      isOneLine: nodes.every(({ type }) => type !== 'parallel'),
      tried: new Map(),
      within: new Map(nodes.map((node) => [node, childrenOf(node).filter((child) => active.has(child))])),
      value: stateValueOf(this.machine.root, active),
      tags: new Set(nodes.flatMap(({ tags }) => tags)),
      isFinal: nodes.some(({ type, parent }) => type === 'final' && parent === this.machine.root),
      steps: new Map(),
    };
    this.#configurations.set(key, configuration);
    return configuration;
  }

  #read(node: AnyStateNode): void {
    const id = `state ${node.id}`;
    invariant(
      node.type !== 'history' && node.invoke.length === 0,
      `${id}: neither history nor actors are known here`,
    );
    invariant(node.type !== 'final' || node.parent === this.machine.root, `${id}: only the whole can end`);
    for (const action of [...node.entry, ...node.exit])
      invariant(typeof action === 'function', `${id}: actions are built ones`);
    this.#always.set(
      node,
      (node.always ?? []).map((transition) => this.#transition(transition)),
    );
    const on = new Map<string, readonly ChartTransition[]>();
    for (const [type, transitions] of node.transitions) {
      invariant(!type.includes('*'), `${id}: no wildcards`);
      on.set(
        type,
        transitions.map((transition) => this.#transition(transition)),
      );
    }
    this.#on.set(node, on);
    for (const child of childrenOf(node)) this.#read(child);
  }

  #transition(
    read: AnyStateNode['transitions'] extends Map<string, (infer One)[]> ? One : never,
  ): ChartTransition {
    const { source, target, reenter, guard, actions } = read;
    invariant(!reenter || source.parent, 'the whole is not entered anew');
    this.#transitions += 1;
    return {
      id: this.#transitions,
      source,
      target: target && target.length > 0 ? target : null,
      reenter,
      guard: this.#guard(guard),
      actions: actions as unknown as readonly ChartAction[],
    };
  }

  #guard(guard: unknown): Guard | null {
    if (guard === undefined) return null;
    const found = typeof guard === 'string' ? this.machine.implementations.guards?.[guard] : guard;
    invariant(typeof found === 'function' && !('check' in found), `no guard ${String(guard)}`);
    return found as unknown as Guard;
  }
}

const none: readonly never[] = [];

/** Eventless transitions whose guards hold: the first one of each leaf. */
export function eventlessTaken({ eventless }: Configuration, given: Given): readonly ChartTransition[] {
  if (eventless.length === 0) return none;
  const taken = eventless.flatMap((tried) => tried.find((transition) => holds(transition, given)) ?? []);
  return taken.length > 1 ? [...new Set(taken)] : taken;
}

const holds = ({ guard }: ChartTransition, given: Given): boolean => guard === null || guard(given);

const byOrder = (one: AnyStateNode, other: AnyStateNode): number => one.order - other.order;

const isLeaf = ({ type }: AnyStateNode): boolean => type === 'atomic' || type === 'final';

const childrenOf = ({ states }: AnyStateNode): AnyStateNode[] => Object.values(states);

const entryOf = ({ entry }: AnyStateNode): ChartAction[] => entry as unknown as ChartAction[];

const exitOf = ({ exit }: AnyStateNode): ChartAction[] => exit as unknown as ChartAction[];

/** States above one, the nearest first, up to and without another; to the top without that. */
function ancestorsOf(node: AnyStateNode, upTo?: AnyStateNode): AnyStateNode[] {
  const found: AnyStateNode[] = [];
  if (node === upTo) return found;
  for (let above = node.parent; above && above !== upTo; above = above.parent) found.push(above);
  return found;
}

const isBelow = (node: AnyStateNode, above: AnyStateNode): boolean => ancestorsOf(node).includes(above);

/** The state within which a transition happens. */
function domainOf({ source, target, reenter }: ChartTransition): AnyStateNode {
  const targets = target ?? [];
  if (!reenter && targets.every((node) => node === source || isBelow(node, source))) return source;
  const [first, ...others] = [...targets, source];
  const common = first && ancestorsOf(first).find((above) => others.every((node) => isBelow(node, above)));
  return common ?? source.machine.root;
}

function exitSet({ nodes }: Configuration, transition: ChartTransition): AnyStateNode[] {
  if (!transition.target) return [];
  const domain = domainOf(transition);
  return nodes.filter((node) => isBelow(node, domain));
}

function entrySet(transition: ChartTransition): AnyStateNode[] {
  if (!transition.target) return [];
  const domain = domainOf(transition);
  return transition.target.flatMap((node) => {
    const itself = node === domain ? [] : [node];
    const above = ancestorsOf(node, domain);
    const beside = [...above, domain]
      .filter(({ type }) => type === 'parallel')
      .flatMap((parallel) => childrenOf(parallel))
      .filter((child) => child !== node && !isBelow(node, child));
    return [...itself, ...descendantsEntered(node), ...above, ...beside.flatMap(withDescendants)];
  });
}

/** What is entered with a state by default. */
function descendantsEntered(node: AnyStateNode): AnyStateNode[] {
  const first = node.type === 'parallel' ? childrenOf(node) : (node.initial?.target ?? []);
  return first.flatMap(withDescendants);
}

const withDescendants = (node: AnyStateNode): AnyStateNode[] => [node, ...descendantsEntered(node)];

function stateValueOf(node: AnyStateNode, active: ReadonlySet<AnyStateNode>): unknown {
  const children = childrenOf(node).filter((child) => active.has(child));
  const [only] = children;
  if (node.type === 'compound' && only && isLeaf(only)) return only.key;
  return Object.fromEntries(children.map((child) => [child.key, stateValueOf(child, active)]));
}
