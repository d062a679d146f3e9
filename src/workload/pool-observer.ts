import type { DueOperation } from './arrivals.ts';
import type { PoolPlace } from './pool-place.ts';
import { type EndedCall, OutcomeCode } from './slice-recorder.ts';

/** How one due operation ended; the pool keeps and refills it. */
export interface EndedOperation extends EndedCall {
  /** Of its class, from 0. */
  number: number;
}

/** Who keeps the books of a pool. Instants are ms since load start. */
export interface PoolObserver {
  /** The number by which `ended` names a server; -1 for one that is not known. */
  serverPosition(server: string | null): number;
  due(classIndex: number, dueMs: number): void;
  /** Once for every due operation. */
  ended(operation: Readonly<EndedOperation>): void;
  /** A session could not be opened, after load start. */
  refused(code: string, atMs: number): void;
  /** Every 100 ms after load start: nothing becomes due or ends before `nowMs` any more. */
  advance(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void;
  /** The load is over and every due operation has ended. */
  finish(nowMs: number, sessionsByServer: Readonly<Record<string, number>>): void;
}

/** Tells an observer of ends, through one object for all of them. */
export class EndNotes {
  readonly #observer: PoolObserver;
  readonly #note: EndedOperation = {
    ...{ classIndex: 0, number: 0, server: -1, outcome: 0, code: '', foundFree: false },
    ...{ dueMs: Number.NaN, sentMs: Number.NaN, endedMs: Number.NaN },
  };

  constructor(observer: PoolObserver) {
    this.#observer = observer;
  }

  /** A sent operation ended at the place's `endedMs`. @param outcome a value of `OutcomeCode` */
  sent(place: PoolPlace, outcome: number, code: string): void {
    const { call, session } = place;
    if (place.server !== session.server) {
      place.server = session.server;
      place.serverPosition = this.#observer.serverPosition(session.server);
    }
    const note = this.#note;
    note.classIndex = call.classIndex;
    note.number = call.number;
    note.server = call.kind === 'read' ? place.serverPosition : -1;
    note.outcome = outcome;
    note.code = code;
    note.foundFree = place.foundFree;
    note.dueMs = call.dueMs;
    note.sentMs = place.sentMs;
    note.endedMs = place.endedMs;
    this.#observer.ended(note);
  }

  /** A due operation was never sent. */
  skipped({ classIndex, number, dueMs }: Readonly<DueOperation>, atMs: number): void {
    const note = this.#note;
    note.classIndex = classIndex;
    note.number = number;
    note.server = -1;
    note.outcome = OutcomeCode.skipped;
    note.code = '';
    note.foundFree = false;
    note.dueMs = dueMs;
    note.sentMs = Number.NaN;
    note.endedMs = atMs;
    this.#observer.ended(note);
  }
}
