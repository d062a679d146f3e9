import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { epochMs, RealClock } from '../kernel/clock.ts';
import type {
  AgentCommand,
  AgentHost,
  AgentMessage,
  CommandOutcome,
  RecordedEventWithoutTime,
} from '../roles/host.ts';
import type { AgentConfig } from './config.ts';
import { queryDatabase } from './database.ts';
import type { Mesh } from './mesh.ts';
import { runProgram, ServerControl } from './server-control.ts';

/** The statecharts' port on a real server: pg_ctl, files, scripts, SQL, and TCP to the other agents. */
export class ServerHost implements AgentHost {
  /** Milliseconds since 1970, so that the agents of a machine share one time axis. */
  readonly clock = new RealClock(0);
  readonly #config: AgentConfig;
  readonly #control: ServerControl;
  readonly #mesh: Mesh;
  readonly #eventFile: string;
  readonly #onEvent: (event: RecordedEventWithoutTime) => void;

  constructor(config: AgentConfig, mesh: Mesh, onEvent: (event: RecordedEventWithoutTime) => void) {
    this.#config = config;
    this.#mesh = mesh;
    this.#control = new ServerControl(config);
    this.#eventFile = eventFile(config);
    this.#onEvent = onEvent;
  }

  perform(command: AgentCommand, done: (outcome: CommandOutcome) => void): void {
    if (command.type === 'queryDatabase') {
      const { user, name: database, port } = this.#config.database;
      const { address: localAddress } = this.#config;
      queryDatabase({
        host: command.node,
        port,
        user,
        database,
        localAddress,
        timeoutMs: command.timeoutMs,
        done,
      });
      return;
    }
    this.#carryOut(command).then(done, (error: Error) => done({ ok: false, detail: error.message }));
  }

  send(toNode: string, message: AgentMessage): void {
    this.#mesh.send(toNode, message);
  }

  /** One line of JSON an event, with `epochMs`; written at once, for it must survive a kill. */
  record(event: RecordedEventWithoutTime): void {
    appendFileSync(this.#eventFile, `${JSON.stringify({ epochMs: epochMs(), ...event })}\n`);
    this.#onEvent(event);
  }

  #carryOut(command: Exclude<AgentCommand, { type: 'queryDatabase' }>): Promise<CommandOutcome> {
    switch (command.type) {
      case 'stopServer':
        return this.#control.stop();
      case 'startServer':
        return this.#control.start();
      case 'promoteServer':
        return this.#control.promote();
      case 'followPrimary':
        return this.#control.follow(command.primary);
      case 'writeGuard':
        return this.#control.writeGuard();
      case 'runScript': {
        const line = this.#config.settings.hooks[command.hook] ?? '';
        const values: Record<string, string> = { ...command.placeholders };
        const [file = '', ...args] = line.split(/\s+/);
        const given = args.map((arg) =>
          arg.replace(/%([htpf])/g, (_, letter: string) => values[letter] ?? ''),
        );
        return runProgram(file, given, process.env);
      }
    }
  }
}

/** Where an agent writes what it does, for observers. */
export function eventFile(config: Pick<AgentConfig, 'logDir' | 'clusterName'>): string {
  return join(config.logDir, `${config.clusterName}.events.jsonl`);
}
