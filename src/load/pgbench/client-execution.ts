import type { PgRandom } from '../../workload/pgbench/random.ts';
import type { VariableStore } from '../../workload/pgbench/variables.ts';
import { ScriptExecution } from '../script/execution.ts';
import type { ClientHost } from './client-host.ts';
import { say, sayPlain } from './say.ts';

/** What a client draws its values from, and keeps them in. */
export interface ClientDice {
  random: PgRandom;
  variables: VariableStore;
}

/** The step machine of one client's scripts: what it sends is told with --debug, and timed with --report-per-command. */
export function executionFor(
  thread: ClientHost,
  number: number,
  { random, variables }: ClientDice,
): ScriptExecution {
  const { protocol, maxTries, reportPerCommand, debug } = thread.plan;
  return new ScriptExecution({
    ...{ protocol, scripts: thread.scripts, client: number, random, variables },
    ...{ mayRetry: maxTries !== 1, debug: sayPlain },
    ...(debug && { onSend: (text: string) => say(`client ${number} sending ${text}`) }),
    ...(reportPerCommand && {
      timer: {
        nowMs: () => thread.nowMs(),
        took: (script: number, command: number, micros: number) =>
          thread.books.commandTook(script, command, micros),
      },
    }),
  });
}
