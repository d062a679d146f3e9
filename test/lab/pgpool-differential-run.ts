import { setTimeout as sleep } from 'node:timers/promises';
import type { Opening, Visit } from './pgpool-differential-clients.ts';
import { traceOf } from './pgpool-differential-commands.ts';
import { Hypotheses } from './pgpool-differential-hypotheses.ts';
import { ModelCluster } from './pgpool-differential-model.ts';
import type { RealPgpool } from './pgpool-differential-pgpool.ts';
import type { Profile } from './pgpool-differential-profiles.ts';
import type { RealServers } from './pgpool-differential-servers.ts';
import { type Answer, RealSession } from './pgpool-differential-session.ts';
import { type Step, textOf } from './pgpool-differential-steps.ts';

/** The longest that Pgpool may take to come to rest after one step. */
const restLimitMs = 60_000;
/** What a client sees of a loss may come when Pgpool is at rest: a child that asked for a failover sleeps 5 s before its session ends. */
const lateMs = 8000;
const visitsPerStep = 2;

/** What a sequence has compared and met. */
export interface Tally {
  /** Single facts that were compared. */
  comparisons: number;
  /** How often each answer was seen: `connect ok`, `write 25006`, … */
  answers: Readonly<Record<string, number>>;
  /** Vectors of node states that were seen. */
  vectors: readonly string[];
  /** Everything that was seen, in order. */
  seen: readonly string[];
}

/** What the real Pgpool did and the model does not allow. */
export class Differs extends Error {
  readonly what: string;
  readonly real: string;
  readonly model: string;

  constructor(what: string, sides: { real: string; model: string }) {
    super(`${what}: real ${sides.real}, model ${sides.model}`);
    this.what = what;
    this.real = sides.real;
    this.model = sides.model;
  }
}

/** One sequence under way: the real sessions beside the model's. */
export class Run {
  #comparisons = 0;
  readonly #answers: Record<string, number> = {};
  readonly #vectors = new Set<string>();
  readonly #seen: string[] = [];
  readonly #servers: RealServers;
  readonly #pgpool: RealPgpool;
  readonly #profile: Profile;
  readonly #courses: Hypotheses<ModelCluster>;
  readonly #kept: RealSession[] = [];

  constructor(servers: RealServers, pgpool: RealPgpool, profile: Profile) {
    this.#servers = servers;
    this.#pgpool = pgpool;
    this.#profile = profile;
    const nodes = servers.commandNodes();
    this.#courses = new Hypotheses(
      (choose) =>
        new ModelCluster({ settings: profile.model, commands: profile.commands ?? null, nodes }, choose),
      (model) => model.key(),
    );
  }

  tally(): Tally {
    return {
      comparisons: this.#comparisons,
      answers: this.#answers,
      vectors: [...this.#vectors].sort(),
      seen: this.#seen,
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#kept.map((session) => session.close()));
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'open') await this.#open();
    else if (step.kind === 'close') await this.#closeOldest();
    else if (step.kind === 'use') await this.#use();
    else {
      await this.#act(step);
      await this.#pgpool.rest({ limitMs: restLimitMs, rounds: this.#profile.healthCheckRounds });
    }
    await this.check();
  }

  /** Both come to rest and are compared; then clients visit, and both are compared again. */
  async check(): Promise<void> {
    await this.#compareAtRest('at rest');
    for (let visit = 0; visit < visitsPerStep; visit += 1) await this.#visit();
    await this.#compareAtRest('after visits');
  }

  async #act(step: Step): Promise<void> {
    this.#courses.act((model) => model.apply(step));
    const reply = await carryOut(step, this.#servers, this.#pgpool);
    if (step.kind === 'pcp')
      this.#observe(`reply to ${textOf(step)}`, String(reply), (model) => [String(model.reply)]);
  }

  async #compareAtRest(when: string): Promise<void> {
    await this.#pgpool.rest({ limitMs: restLimitMs, rounds: 0 });
    const streaming = await this.#servers.streaming();
    this.#courses.act((model) => {
      model.streaming = streaming;
      model.settle();
    });
    this.#courses.merge();
    const askNodes = async () =>
      (await this.#pgpool.nodes()).map(({ status, role }) => `${status}:${role}`).join(' ');
    await this.#eventually(`nodes ${when}`, askNodes, (model) => model.nodes());
    this.#vectors.add(await askNodes());
    const askSessions = async () => this.#kept.map(({ lost }) => lost ?? 'alive').join(' ');
    await this.#eventually(`kept sessions ${when}`, askSessions, (model) =>
      model.clients.sessions.map(({ lost }) => lost ?? 'alive').join(' '),
    );
    if (this.#profile.commands) await this.#compareTraces(when);
  }

  /** Everything since the start, in order: a request is carried out after the command of the one before it has ended. */
  async #compareTraces(when: string): Promise<void> {
    const ask = async () => traceOf(await this.#pgpool.log()).join(', ');
    await this.#eventually(`what the main process did ${when}`, ask, ({ trace }) => trace.join(', '));
  }

  async #visit(): Promise<void> {
    const session = await RealSession.open(this.#pgpool.place);
    let visit: Visit;
    if (typeof session === 'string') visit = { connect: session, read: null, write: null };
    else {
      visit = { connect: 'ok', read: await session.read(), write: await session.write() };
      await session.close();
    }
    this.#count(`connect ${visit.connect}`);
    if (visit.read) this.#count(`read ${nameOf(visit.read)}`);
    if (visit.write) this.#count(`write ${nameOf(visit.write)}`);
    this.#observe('a new session', text(visit), (model) => model.clients.possibleVisits().map(text));
    this.#courses.act((model) => {
      const left = model.clients.open(visit);
      if (left) model.clients.close(left);
      model.settle();
    });
    await this.#pgpool.rest({ limitMs: restLimitMs, rounds: 0 });
  }

  async #open(): Promise<void> {
    const session = await RealSession.open(this.#pgpool.place);
    const refused = typeof session === 'string';
    const read = refused ? null : await session.read();
    if (!refused) this.#kept.push(session);
    const seen: Opening = { connect: refused ? session : 'ok', read };
    this.#observe('a session to keep', text(seen), (model) =>
      model.clients.possibleVisits().map((visit) => text({ connect: visit.connect, read: visit.read })),
    );
    this.#courses.act((model) => {
      const modelled = model.clients.open(seen);
      if (modelled) model.clients.sessions.push(modelled);
    });
  }

  async #closeOldest(): Promise<void> {
    await this.#kept.shift()?.close();
    this.#courses.act((model) => {
      const closed = model.clients.sessions.shift();
      if (closed) model.clients.close(closed);
    });
  }

  async #use(): Promise<void> {
    for (const [index, session] of this.#kept.entries()) {
      for (const kind of ['read', 'write'] as const) {
        const answer = await session[kind]();
        this.#count(`kept ${kind} ${nameOf(answer)}`);
        const what = `${kind} of kept session ${index}`;
        this.#observe(what, text(answer), (model) => [text(model.clients.use(index, kind))]);
      }
    }
  }

  #count(answer: string): void {
    this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
  }

  /** Like `observe`, of what may take a moment longer to be seen. */
  async #eventually(
    what: string,
    ask: () => Promise<string>,
    model: (model: ModelCluster) => string,
  ): Promise<void> {
    const expected = this.#courses.ask(model);
    const endMs = performance.now() + lateMs;
    let real = await ask();
    while (!expected.includes(real) && performance.now() < endMs) {
      await sleep(100);
      real = await ask();
    }
    this.#observe(what, real, (course) => [model(course)]);
  }

  /** Keeps the courses that allow what was seen. */
  #observe(what: string, real: string, allowed: (model: ModelCluster) => readonly string[]): void {
    this.#comparisons += 1;
    this.#seen.push(`${what}: ${real}`);
    if (this.#courses.keep((model) => allowed(model).includes(real))) return;
    const model = [...new Set(this.#courses.ask((course) => allowed(course).join(' or ')))].join(' | ');
    throw new Differs(what, { real, model });
  }
}

/** Does a step that is not about sessions to the real cluster. @returns for a pcp command, whether it says that it succeeded; null without an answer */
async function carryOut(step: Step, servers: RealServers, pgpool: RealPgpool): Promise<boolean | null> {
  switch (step.kind) {
    case 'kill':
    case 'vanish':
    case 'stop':
    case 'promote':
      await servers[step.kind](step.node);
      return null;
    case 'start':
      await servers.start(step.node, step.upstream);
      return null;
    case 'repoint':
      await servers.repoint(step.node, step.upstream);
      return null;
    case 'pcp': {
      const [name = '', ...options] = step.command.replace('switchover', 'promote -s').split(' ');
      return (await pgpool.pcp(`pcp_${name}_node`, step.node, options)).ok;
    }
    default:
      throw new Error(`no action: ${step.kind}`);
  }
}

const nameOf = (answer: Answer): string => ('node' in answer ? 'ok' : answer.error);

const text = (value: unknown): string => JSON.stringify(value);
