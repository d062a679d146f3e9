import pg from 'pg';
import { formatProblem } from '../../../src/kernel/errors.ts';
import { type CompiledScript, ScriptCompiler } from '../../../src/workload/pgbench/compile.ts';
import { PgRandom } from '../../../src/workload/pgbench/random.ts';
import { ScriptRun, type StatementResult } from '../../../src/workload/pgbench/run.ts';
import { seedStreams, setAutomaticVariables } from '../../../src/workload/pgbench/selection.ts';
import {
  type Protocol,
  parameterTexts,
  type Statement,
  simpleText,
} from '../../../src/workload/pgbench/statement.ts';
import { VariableStore } from '../../../src/workload/pgbench/variables.ts';
import { definitions } from './generate.ts';

/** A client whose variables and stream are those of pgbench's first client with this seed. */
export function firstClient(
  seed: number,
  names: ScriptCompiler['names'],
): { variables: VariableStore; random: PgRandom } {
  const variables = new VariableStore(names);
  const streams = seedStreams(BigInt(seed), { clients: 1, threads: 1 });
  for (const [name, value] of Object.entries(definitions)) variables.setText(names.slot(name), value);
  setAutomaticVariables(variables, {
    scale: 1,
    client: 0,
    seed: BigInt(seed),
    defaultSeed: streams.defaultSeed,
  });
  return { variables, random: streams.clients[0] ?? new PgRandom() };
}

/** Compiles a script that must be right. */
export function compiled(compiler: ScriptCompiler, source: string): CompiledScript {
  const read = compiler.compile(source, 'made.sql');
  if ('problems' in read) throw new Error(read.problems.map(formatProblem).join('\n'));
  return read.script;
}

/** Carries a script's steps out through the `pg` client, up to a statement that the server refuses; what debug() printed. */
export async function playScript(
  port: number,
  source: string,
  { protocol, seed }: { protocol: Protocol; seed: number },
): Promise<{ printed: readonly string[]; messages: readonly string[] }> {
  const compiler = new ScriptCompiler();
  const script = compiled(compiler, source);
  const printed: string[] = [];
  const run = new ScriptRun({
    client: 0,
    ...firstClient(seed, compiler.names),
    protocol,
    debug: (line) => printed.push(line),
  });
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'pgdrill',
  });
  await client.connect();
  try {
    run.start(script);
    for (let step = run.next(); step !== 'done' && step !== 'failed'; step = run.next()) {
      if (step !== 'send' && step !== 'queue') continue;
      if (!run.accept(await send(client, run.statement, { run, protocol }))) break;
    }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
  } finally {
    await client.end();
  }
  return { printed, messages: run.messages };
}

async function send(
  client: pg.Client,
  statement: Statement,
  { run, protocol }: { run: ScriptRun; protocol: Protocol },
): Promise<StatementResult[]> {
  const types = { getTypeParser: () => (text: string) => text };
  const result: unknown =
    protocol === 'simple'
      ? await client.query({ text: simpleText(statement, run.variables), rowMode: 'array', types })
      : await client.query({
          text: statement.parameterSql,
          values: parameterTexts(statement, run.variables),
          rowMode: 'array',
          types,
          ...(protocol === 'prepared' && { name: statement.preparedName }),
          ...{ queryMode: 'extended' },
        });
  const results = (Array.isArray(result) ? result : [result]) as pg.QueryArrayResult<(string | null)[]>[];
  return results.map(({ fields, rows }) => ({
    columns: fields.length > 0 ? fields.map(({ name }) => name) : null,
    rows,
  }));
}
