import { monotonicMs } from '../../kernel/clock.ts';

/** So much work on answers at most lies between a reading and the answer that bears it. */
const answersPerReading = 8;

/**
 * The clock of a transport's answers: those that one wait of the thread brought were all there when it ended, and bear that instant. It
 * is read again after so many of them, for the next operation begins when an answer is handled.
 *
 * @see docs/method.md G2
 */
export class AnswerClock {
  /** When it was last read. */
  nowMs = 0;
  #serves = 0;

  /** A wait has ended, or time has passed with other work. */
  read(): void {
    this.nowMs = monotonicMs();
    this.#serves = answersPerReading;
  }

  /** Reads anew where answers were handled since the last reading. */
  refresh(): void {
    if (this.#serves < answersPerReading) this.read();
  }

  /** The next answer begins with a reading. */
  expire(): void {
    this.#serves = 0;
  }

  /** Instant of the next answer. */
  answerMs(): number {
    if (this.#serves === 0) this.read();
    this.#serves -= 1;
    return this.nowMs;
  }
}
