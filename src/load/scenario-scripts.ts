import { invariant } from '../kernel/errors.ts';
import { executionMaker } from '../workload/calls.ts';
import { ScriptCompiler } from '../workload/pgbench/compile.ts';
import { PgRandom } from '../workload/pgbench/random.ts';
import { VariableStore } from '../workload/pgbench/variables.ts';
import type { LoadPlan } from '../workload/plan.ts';
import { executionStarter } from '../workload/script.ts';
import type { ScriptCall } from '../workload/transport.ts';
import { type LoadedScript, ScriptExecution } from './script/execution.ts';
import { wireScript } from './script/statements.ts';

/** The scripts of a scenario, compiled once for a worker. */
export class ScenarioScripts {
  readonly #plan: LoadPlan;
  readonly #compiler = new ScriptCompiler();
  /** By position of the class. */
  readonly #loaded: readonly LoadedScript[];
  readonly #executionOf: ReturnType<typeof executionMaker>;
  readonly #begin: ReturnType<typeof executionStarter>;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#executionOf = executionMaker(plan);
    let ids = 0;
    this.#loaded = plan.classes.map(({ script: { text, file } }) => {
      const compiled = this.#compiler.compile(text, file);
      invariant('script' in compiled, `the script ${file} was checked before`);
      const wire = wireScript(compiled.script, plan.protocol, () => ids++);
      return { script: compiled.script, wire, description: file };
    });
    this.#begin = executionStarter(this.#compiler.names, plan);
  }

  /** What one session runs its operations with, one after the other. @param number of the session, for messages */
  session(number: number): SessionScripts {
    const client = { variables: new VariableStore(this.#compiler.names), random: new PgRandom() };
    const { protocol } = this.#plan;
    const execution = new ScriptExecution({ protocol, scripts: this.#loaded, client: number, ...client });
    return {
      execution,
      begin: (call) => {
        this.#begin(this.#executionOf(call), client);
        execution.begin(call.classIndex);
      },
    };
  }
}

/** One session's way through the scripts. */
export interface SessionScripts {
  readonly execution: ScriptExecution;
  /** Goes to the start of a call's script: its variables and random numbers follow from the call alone. */
  begin(call: ScriptCall): void;
}
