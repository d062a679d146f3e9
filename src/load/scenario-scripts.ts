import { invariant } from '../kernel/errors.ts';
import { executionMaker } from '../workload/calls.ts';
import { ScriptCompiler } from '../workload/pgbench/compile.ts';
import { PgRandom } from '../workload/pgbench/random.ts';
import { seedStreams } from '../workload/pgbench/selection.ts';
import { VariableStore } from '../workload/pgbench/variables.ts';
import type { LoadPlan } from '../workload/plan.ts';
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
  readonly #slots: Record<'scale' | 'operation' | 'default_seed' | 'random_seed', number>;
  readonly #defaultSeed: ReturnType<typeof seedStreams>['defaultSeed'];

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
    const { names } = this.#compiler;
    this.#slots = {
      scale: names.slot('scale'),
      operation: names.slot('operation'),
      default_seed: names.slot('default_seed'),
      random_seed: names.slot('random_seed'),
    };
    this.#defaultSeed = seedStreams(BigInt(plan.seed), { clients: 0, threads: 0 }).defaultSeed;
  }

  /** What one session runs its operations with, one after the other. @param number of the session, for messages */
  session(number: number): SessionScripts {
    const variables = new VariableStore(this.#compiler.names);
    const random = new PgRandom();
    const { protocol } = this.#plan;
    const execution = new ScriptExecution({
      ...{ protocol, scripts: this.#loaded, client: number, random, variables },
    });
    return {
      execution,
      begin: (call) => {
        const { operationId, seed } = this.#executionOf(call);
        const slots = this.#slots;
        variables.clear();
        variables.setValue(slots.scale, this.#plan.scale);
        variables.setValue(slots.random_seed, this.#plan.seed);
        variables.setValue(slots.default_seed, this.#defaultSeed);
        variables.setText(slots.operation, operationId);
        random.seed(seed[0], seed[1]);
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
