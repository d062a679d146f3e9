import { appendFileSync, existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
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
import { type DatabasePlace, queryDatabase, setReplay, setSynchronous } from './database.ts';
import { lockFile } from './lock.ts';
import type { Mesh } from './mesh.ts';
import { scriptLine } from './script-line.ts';
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
  readonly #onExit: (exitCode: number) => void;

  constructor(
    config: AgentConfig,
    mesh: Mesh,
    on: { event: (event: RecordedEventWithoutTime) => void; exit: (exitCode: number) => void },
  ) {
    this.#config = config;
    this.#mesh = mesh;
    this.#control = new ServerControl(config);
    this.#eventFile = eventFile(config);
    this.#onEvent = on.event;
    this.#onExit = on.exit;
  }

  perform(command: AgentCommand, done: (outcome: CommandOutcome) => void): void {
    switch (command.type) {
      case 'queryDatabase':
        queryDatabase(this.#place(command.node, command.timeoutMs), done);
        return;
      case 'setSynchronous':
        setSynchronous(this.#ownPlace(), command.numSync, done);
        return;
      case 'pauseReplay':
      case 'resumeReplay':
        setReplay(this.#ownPlace(), command.type === 'pauseReplay', done);
        return;
      default:
        this.#carryOut(command).then(done, (error: Error) => done({ ok: false, detail: error.message }));
    }
  }

  send(toNode: string, message: AgentMessage): void {
    this.#mesh.send(toNode, message);
  }

  /** One line of JSON an event, with `epochMs`; written at once, for it must survive a kill. */
  record(event: RecordedEventWithoutTime): void {
    appendFileSync(this.#eventFile, `${JSON.stringify({ epochMs: epochMs(), ...event })}\n`);
    this.#onEvent(event);
  }

  /** The agent's program ends when it ends by itself. */
  exited(exitCode: number): void {
    this.#onExit(exitCode);
  }

  #carryOut(
    command: Exclude<
      AgentCommand,
      { type: 'queryDatabase' | 'setSynchronous' | 'pauseReplay' | 'resumeReplay' }
    >,
  ): Promise<CommandOutcome> {
    switch (command.type) {
      case 'stopServer':
        return this.#control.stop();
      case 'startServer':
        return this.#control.start();
      case 'promoteServer':
        return this.#control.promote();
      case 'followPrimary':
        return this.#control.follow(command.primary, command.settings ?? null);
      case 'writeGuard':
        return this.#control.writeGuard({ unlessStandby: command.unlessStandby ?? false });
      case 'removeGuard':
        return this.#control.removeGuard();
      case 'readRecoverySettings':
        return this.#control.recoverySettings();
      case 'lookForFiles':
        return Promise.resolve({ ok: true, detail: null, files: this.#lookForFiles() });
      case 'lookForVip':
        return Promise.resolve({ ok: this.#holdsVip(), detail: null });
      case 'ping':
        return this.#ping(command.target);
      case 'runScript':
        return this.#runScript(command);
      case 'assignVip':
      case 'releaseVip':
        return Promise.reject(
          new Error('an emulated agent moves no address: EFM does that with a helper of its own'),
        );
    }
  }

  #runScript({ hook, placeholders, words = [], timeoutMs }: Extract<AgentCommand, { type: 'runScript' }>) {
    const { hooks, generation } = this.#config.settings;
    const line = hooks[hook];
    if (line === undefined) return Promise.reject(new Error(`${hook} has no command line`));
    const { file, args } = scriptLine(line, placeholders, generation);
    return runProgram(file, [...args, ...words], {
      env: process.env,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  }

  #lookForFiles(): { locked: boolean; recoveryFile: string | null } {
    const { dataDir } = this.#config.database;
    const names = ['recovery.conf', 'recovery.signal', 'standby.signal'];
    const recoveryFile = dataDir ? names.find((name) => existsSync(join(dataDir, name))) : undefined;
    return { locked: existsSync(lockFile(this.#config)), recoveryFile: recoveryFile ?? null };
  }

  /** ping.server.command with the address behind it; a virtual IP that this host holds answers too. */
  #ping(target: 'vip' | 'wellKnown'): Promise<CommandOutcome> {
    const { virtualIp, pingServerIp, pingServerCommand } = this.#config.settings;
    const address = target === 'vip' ? virtualIp : pingServerIp;
    if (!address) return Promise.reject(new Error('there is no address to ping'));
    const [file = 'ping', ...args] = pingServerCommand.split(/\s+/);
    return runProgram(file, [...args, address], { env: process.env });
  }

  #holdsVip(): boolean {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    return addresses.some(({ address }) => address === this.#config.settings.virtualIp);
  }

  #ownPlace(): DatabasePlace {
    return this.#place(this.#config.address, this.#config.settings.remoteTimeoutMs);
  }

  #place(host: string, timeoutMs: number): DatabasePlace {
    const { user, name: database, port } = this.#config.database;
    return { host, port, user, database, localAddress: this.#config.address, timeoutMs };
  }
}

/** Where an agent writes what it does, for observers. */
export function eventFile(config: Pick<AgentConfig, 'logDir' | 'clusterName'>): string {
  return join(config.logDir, `${config.clusterName}.events.jsonl`);
}
