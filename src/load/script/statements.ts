import type { CompiledScript } from '../../workload/pgbench/compile.ts';
import type { Protocol, Statement } from '../../workload/pgbench/statement.ts';
import type { VariableStore } from '../../workload/pgbench/variables.ts';
import type { WireConnection } from '../wire/connection.ts';
import {
  compileQuery,
  compileStatement,
  type QueryTemplate,
  type StatementTemplate,
  type WireValue,
} from '../wire/templates.ts';

/** A statement of a script made ready for the wire: its values are read from variables straight into the message. */
export interface WireStatement {
  readonly statement: Statement;
  readonly slots: readonly number[];
  /** By position: what stands for a variable that is not set. */
  readonly unset: readonly (string | null)[];
  readonly query: QueryTemplate | null;
  readonly prepared: StatementTemplate | null;
  /** Its rows are wanted. */
  readonly keep: boolean;
}

/** Statements by number of their command; null for meta commands. */
export type WireScript = readonly (WireStatement | null)[];

/** @param nextId gives each statement of the run its own number */
export function wireScript({ steps }: CompiledScript, protocol: Protocol, nextId: () => number): WireScript {
  return steps.map((step) =>
    step.type === 'sql' ? wireStatement(step.statement, protocol, nextId()) : null,
  );
}

function wireStatement(statement: Statement, protocol: Protocol, id: number): WireStatement {
  const slots = statement.parameters;
  const keep = statement.capture !== null;
  if (protocol === 'simple') return { statement, slots, keep, ...simpleForm(statement), prepared: null };
  const name = protocol === 'prepared' ? statement.preparedName : '';
  const positions = slots.map((_, position) => position);
  const prepared = compileStatement({ id, name, sql: statement.parameterSql, slots: positions });
  return { statement, slots, unset: slots.map(() => null), query: null, prepared, keep };
}

function simpleForm({ parts }: Statement): Pick<WireStatement, 'unset' | 'query'> {
  const pieces = [''];
  const unset: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string') pieces[pieces.length - 1] += part;
    else {
      unset.push(part.text);
      pieces.push('');
    }
  }
  return { unset, query: compileQuery(pieces, [...unset.keys()]) };
}

/** Values of a statement that is being sent; used again for each. */
const values: WireValue[] = [];

function fillValues({ slots, unset }: WireStatement, variables: VariableStore): void {
  for (let at = 0; at < slots.length; at += 1)
    values[at] = variables.sendable(slots[at] as number) ?? (unset[at] as string | null);
}

/** Sends a statement alone. */
export function sendAlone(connection: WireConnection, wire: WireStatement, variables: VariableStore): void {
  fillValues(wire, variables);
  if (wire.query !== null) connection.sendQuery(wire.query, values, wire.keep);
  else if (wire.prepared !== null) connection.sendStatement(wire.prepared, values, wire.keep);
}

/** Adds a statement to a pipeline. */
export function addToPipeline(
  connection: WireConnection,
  wire: WireStatement,
  variables: VariableStore,
): void {
  fillValues(wire, variables);
  if (wire.prepared !== null) connection.addStatement(wire.prepared, values);
}

export const rollbackQuery = compileQuery(['ROLLBACK'], []);
