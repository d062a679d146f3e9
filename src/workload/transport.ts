/**
 * The port between the client's session logic and what carries its statements: `load` implements it on sockets,
 * `sim` on the virtual clock. One transport serves one session at a time and is connected again after a loss.
 *
 * No callback is called within the call that registers or causes it, and none after `close`.
 */
export interface SessionTransport {
  /** Who hears of answers and losses; set once by the session logic, so that an operation makes no closure. */
  handler: TransportHandler | null;
  /** Opens a connection; `done` is called once unless `close` comes first. */
  connect(done: (outcome: ConnectOutcome) => void): void;
  /**
   * Runs one script execution on an open, idle connection; `handler.onAnswer` is called once unless `close` comes first.
   * The call stays as it is until then, and is filled anew for the next operation afterwards.
   */
  execute(call: ScriptCall): void;
  /**
   * Asks the server to stop the running execution, which still ends by an answer of its own (SQLSTATE 57014 when the server
   * did stop it). False, or no such method: that cannot be asked, and the connection is given up instead.
   */
  cancel?(): boolean;
  /** Drops the connection (or the attempt to open one) at once. */
  close(): void;
}

/** What a transport tells the session logic. */
export interface TransportHandler {
  /** The running execution ended. */
  onAnswer(outcome: ExecutionOutcome): void;
  /** An idle connection is lost. */
  onLost(error: WireError): void;
}

/** `code` is a SQLSTATE, `closed` (the peer hung up) or `timeout`. */
export interface WireError {
  code: string;
  message: string;
}

export type ConnectOutcome =
  /** `server`: name of the server that will answer this session's balanced reads; null when it could not be told. */
  { ok: true; server: string | null } | { ok: false; error: WireError };

/**
 * `definite`: the server is known not to have done it (an error before COMMIT was sent); otherwise a write is unknown.
 * `lost`: the connection is gone with it.
 */
export type ExecutionOutcome =
  | { ok: true }
  | { ok: false; error: WireError; definite: boolean; lost: boolean };

/** The answer of an execution that was done; one object for all. */
export const executed: ExecutionOutcome = { ok: true };

/** One execution of a class's script. What it sends and its id in the ledger follow from class and number (`executionMaker`). */
export interface ScriptCall {
  /** Position of the class in the scenario. */
  readonly classIndex: number;
  /** Number of the operation in its class. */
  readonly number: number;
  readonly kind: 'read' | 'write';
}
