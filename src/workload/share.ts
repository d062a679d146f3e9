import type { LoadPlan } from './plan.ts';

/** One of several equal workers that carry a load together: its number, from 0, and how many there are. */
export interface WorkerShare {
  worker: number;
  workers: number;
}

/** A worker that carries the whole load. */
export const onlyWorker: WorkerShare = { worker: 0, workers: 1 };

/** One session of a load. */
export interface PlannedSession {
  /** The closed class whose operations alone it carries out, by position; null: it serves all open classes. */
  closedClass: number | null;
  /** Among the sessions of its class, or of the open classes, in the whole load, from 0. */
  number: number;
}

type SessionCounts = Pick<LoadPlan, 'sessions' | 'classes'>;

/** Sessions of a whole load, those of closed classes included. */
export function sessionCount({ sessions, classes }: SessionCounts): number {
  return classes.reduce((sum, { closed }) => sum + (closed?.sessions ?? 0), sessions);
}

/** The sessions of one worker. Every session of a load is at exactly one, and no two workers differ by more than two. */
export function sessionsOf(plan: SessionCounts, { worker, workers }: WorkerShare): PlannedSession[] {
  const own: PlannedSession[] = [];
  for (let number = worker; number < plan.sessions; number += workers)
    own.push({ closedClass: null, number });
  let position = 0;
  for (const [classIndex, { closed }] of plan.classes.entries()) {
    for (let number = 0; number < (closed?.sessions ?? 0); number += 1, position += 1)
      if (position % workers === worker) own.push({ closedClass: classIndex, number });
  }
  return own;
}
