import { clusterArgument, serverOfAddressArgument } from '../drills/catalogue.ts';
import type { ActionResult } from '../drills/world.ts';
import { EfmAgent } from '../roles/efm-agent.ts';
import type { AgentPlace, Cluster } from '../topology/cluster.ts';
import { type EfmSettings, parseEfmSettings } from '../topology/efm-properties.ts';
import { SimHost, type SimHostParts } from './agent-host.ts';
import type { Draw } from './draws.ts';
import { pingTimesOf } from './virtual-ip.ts';

/** The hooks that the lab gives every agent. */
const labHooks = {
  'script.load.balancer.attach': 'load_balancer_attach.sh %h %t',
  'script.load.balancer.detach': 'load_balancer_detach.sh %h %t',
  'script.post.promotion': 'post_promotion.sh %p %f',
} as const;

/** Settings of an agent are read once, however many simulations use the place. */
const settingsByPlace = new WeakMap<AgentPlace, EfmSettings>();

function settingsOf(place: AgentPlace): EfmSettings {
  const known = settingsByPlace.get(place);
  if (known) return known;
  const properties = { 'is.witness': String(place.witness), ...labHooks, ...place.properties };
  const settings = parseEfmSettings(properties, place.version);
  settingsByPlace.set(place, settings);
  return settings;
}

/** The EFM agents of a simulated cluster, one a server: each may be killed, stopped and started anew. */
export class SimAgents {
  readonly #cluster: Cluster;
  readonly #parts: SimHostParts;
  readonly #hosts = new Map<string, SimHost>();
  readonly #agents = new Map<string, EfmAgent>();
  readonly #operator: Draw;

  constructor(cluster: Cluster, given: Omit<SimHostParts, 'exited'>) {
    const parts = { ...given, exited: (server: string) => this.#exited(server) };
    this.#cluster = cluster;
    this.#parts = parts;
    this.#operator = parts.draws.of('script', 'efm command');
    for (const place of cluster.agents) {
      const ping = pingTimesOf(place.properties['ping.server.command']);
      this.#hosts.set(place.server, new SimHost(place.server, parts, ping));
      this.#create(place);
    }
  }

  /** Starts every agent, the n-th after `delayMs(n)`. */
  startAll(delayMs: (position: number) => number): void {
    for (const [position, agent] of [...this.#agents.values()].entries()) {
      this.#parts.clock.setTimeout(() => agent.start(), delayMs(position));
    }
  }

  /** The first server with a living agent that is not `server`. */
  beside(server: string | null): string | null {
    return [...this.#agents.keys()].find((name) => name !== server) ?? null;
  }

  /** SIGKILL: it says nothing more. */
  kill(server: string): void {
    this.#agents.get(server)?.kill();
    this.#agents.delete(server);
  }

  /** Starts a new agent where none runs. */
  start(server: string): void {
    const place = this.#cluster.agents.find((entry) => entry.server === server);
    if (place && !this.#agents.has(server)) this.#create(place).start();
  }

  /** A clean stop of the service: the others are told. */
  stop(server: string): void {
    this.#agents.get(server)?.leave();
    this.#agents.delete(server);
  }

  /** The `efm` program takes a moment to start, then asks the agent of its server. */
  command(server: string, args: readonly string[], done: (result: ActionResult) => void): void {
    this.#parts.clock.setTimeout(() => {
      const agent = this.#agents.get(server);
      if (!agent) {
        done({ ok: false, detail: `no agent on ${server}` });
        return;
      }
      const named = args.map((arg) =>
        arg === clusterArgument ? this.#cluster.efmCluster : (serverOfAddressArgument(arg) ?? arg),
      );
      agent.command(named, ({ exitCode, stdout, stderr }) => {
        done({ ok: exitCode === 0, detail: (exitCode === 0 ? stdout : stderr).trim() || null });
      });
    }, this.#operator());
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.kill();
  }

  #exited(server: string): void {
    this.#agents.delete(server);
  }

  #create(place: AgentPlace): EfmAgent {
    const host = this.#hosts.get(place.server) as SimHost;
    const members = this.#cluster.agents.map(({ server }) => server);
    const identity = { node: place.server, members, clusterName: this.#cluster.efmCluster };
    const agent = new EfmAgent(host, identity, settingsOf(place));
    this.#agents.set(place.server, agent);
    this.#parts.net.join(place.server, (from, message) => agent.receive(from, message));
    return agent;
  }
}
