import { Random } from '../kernel/random.ts';
import type { LoadPlan } from './plan.ts';
import type { Execution } from './script.ts';

const twoTo32 = 4294967296;

/** An operation by class and number: all that its execution follows from. */
interface Numbered {
  readonly classIndex: number;
  readonly number: number;
}

/**
 * What gives an operation its id and the seed of its random numbers. The numbers come from a stream of their own, seeded
 * by class and operation number, so that they are the same whichever worker sends it.
 */
export function executionMaker(plan: Pick<LoadPlan, 'seed' | 'classes'>): (operation: Numbered) => Execution {
  const seeds = plan.classes.map((_, classIndex) =>
    new Random(plan.seed).fork(`variables of class ${classIndex}`).uint32(),
  );
  return ({ classIndex, number }) => ({
    operationId: operationIdOf(classIndex, number),
    seed: [((seeds[classIndex] as number) ^ Math.floor(number / twoTo32)) | 0, number | 0],
  });
}

/** The id that the ledger knows an operation by: class and number, at most 22 characters. */
export function operationIdOf(classIndex: number, number: number): string {
  return `${classIndex}.${number}`;
}

/** Reads an operation id back, trailing blanks of its char(22) column allowed; null for anything else. */
export function parseOperationId(id: string): { classIndex: number; number: number } | null {
  const match = /^(\d{1,5})\.(\d{1,15})\s*$/.exec(id);
  return match ? { classIndex: Number(match[1]), number: Number(match[2]) } : null;
}
