import { Random } from '../kernel/random.ts';
import type { DueOperation } from './arrivals.ts';
import { kindOf, type LoadPlan } from './plan.ts';
import { type RenderedStatement, statementMaker } from './script.ts';
import type { ScriptCall } from './transport.ts';

const twoTo32 = 4294967296;

/**
 * What turns a due operation into the call that carries it out. Its random numbers come from a stream of their own, seeded
 * by class and operation number, so that they are the same whichever worker sends it.
 */
export function callMaker(plan: LoadPlan): (operation: DueOperation) => ScriptCall {
  const classes = plan.classes.map((entry, classIndex) => ({
    className: entry.name,
    kind: kindOf(entry),
    seed: new Random(plan.seed).fork(`variables of class ${classIndex}`).uint32(),
    make: statementMaker(entry.script, plan),
  }));
  return ({ classIndex, number }) => {
    const { className, kind, seed, make } = classes[classIndex] as (typeof classes)[number];
    const operationId = operationIdOf(classIndex, number);
    const statements = (): RenderedStatement[] =>
      make({ operationId, seed: [(seed ^ Math.floor(number / twoTo32)) | 0, number | 0] });
    return { className, classIndex, kind, operationId, statements };
  };
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
