import { printMetric } from '../../analysis/thresholds.ts';
import { formatCount, formatSpan } from '../../report/format.ts';
import { textTable, wrapText } from '../../report/text-table.ts';
import type { PlanResult } from '../plan.ts';
import type { ConnectionBudget } from './connections.ts';
import type { Candidate, StateRow } from './search.ts';

/** The answer as plain text of at most 80 columns. */
export function renderPlan(result: PlanResult): string {
  const lines = [
    ...answerLines(result),
    '',
    ...askedLines(result),
    '',
    ...tableLines(result),
    ...saturationLines(result),
    ...confirmedLines(result),
    '',
    ...connectionLines(result.connections),
    ...remarkLines(result),
  ];
  return `${lines.join('\n')}\n`;
}

function answerLines({ answer }: PlanResult): string[] {
  if (answer.result === 'impossible') {
    return ['IMPOSSIBLE', ...answer.why.flatMap((why) => wrapText(`- ${why}`, { indent: 2, hanging: 4 }))];
  }
  const weights = Object.entries(answer.weights ?? {}).map(([server, weight]) => `${server} ${weight}`);
  const count = answer.standbys === 1 ? '1 standby' : `${answer.standbys} standbys`;
  return [`ANSWER: ${count}`, ...wrapText(`backend_weight: ${weights.join(', ')}`)];
}

function askedLines({ asked, model, calibrated }: PlanResult): string[] {
  const rates = `${asked.readsPerSecond} reads and ${asked.writesPerSecond} writes a second through ${asked.sessions} sessions`;
  const survive = asked.survive.length === 0 ? 'nothing' : asked.survive.join(', ');
  return [
    'ASKED',
    ...wrapText(`${rates}, each renewed after ${formatSpan(asked.sessionLifetimeMs)}`),
    ...scriptLines(asked),
    ...wrapText(`${asked.thresholds.join('; ')}; to survive: ${survive}`),
    ...wrapText(
      `${model}: ${calibrated ? 'service times measured' : 'service times not measured on these servers (calibrated: false), so trust order and size'}`,
    ),
  ];
}

/** Which scripts are not pgbench's own. */
function scriptLines({ scripts }: PlanResult['asked']): string[] {
  const own = Object.entries(scripts).filter(([, script]) => !script.startsWith('builtin:'));
  return own.flatMap(([name, script]) => wrapText(`a ${name} is one execution of ${script}`));
}

function tableLines({ candidates }: PlanResult): string[] {
  const rows = candidates.flatMap((candidate) =>
    candidate.states.map((row, index) => [index === 0 ? nameOf(candidate) : '', ...cellsOf(row)]),
  );
  const head = ['standbys', 'state', 'busiest CPU', 'read p99', 'write p99', 'most', 'limit', ''];
  return [
    'BY FORMULA, THE WORST CASE OF EACH STATE',
    ...textTable([head, ...rows], { left: [1, 6] }),
    ...wrapText(
      'In brackets: weight of the primary : of a standby. most: times the asked load that keeps to the latency objectives; limit: what gives out first then.',
    ),
  ];
}

function nameOf({ standbys, weights }: Candidate): string {
  const [primary = 0, first = 1] = Object.values(weights);
  return `${standbys} (${primary}:${first})`;
}

function cellsOf({ state, busiest, readP99Ms, writeP99Ms, highest, limit, meets }: StateRow): string[] {
  const span = (spanMs: number | null): string =>
    spanMs !== null && !Number.isFinite(spanMs) ? 'no end' : formatSpan(spanMs);
  const utilisation = `${shortKind(busiest.kind)} ${(100 * busiest.utilisation).toFixed(0)} %`;
  const most = highest.factor >= 100 ? '100+' : highest.factor.toFixed(2);
  const last = meets ? 'ok' : 'no';
  return [state, utilisation, span(readP99Ms), span(writeP99Ms), most, shortKind(limit.kind), last];
}

function shortKind(kind: StateRow['limit']['kind']): string {
  return kind === 'service time' ? 'work' : kind.replace(' CPU', '');
}

function confirmedLines({ confirmed }: PlanResult): string[] {
  return confirmed.flatMap((confirmation) => {
    const { standbys, runs, states } = confirmation;
    const transitions = transitionRows(confirmation);
    const rows = states.flatMap(({ state, thresholds }) =>
      thresholds.map(({ text, unit, interval, result }, index) => [
        index === 0 ? state : '',
        text,
        interval ? printMetric(interval.mean, unit) : '-',
        interval && Number.isFinite(interval.halfWidth) ? `± ${printMetric(interval.halfWidth, unit)}` : '',
        result,
      ]),
    );
    const count = standbys === 1 ? '1 STANDBY' : `${standbys} STANDBYS`;
    const often = runs === 1 ? 'ONE RUN' : `${runs} RUNS`;
    return [
      '',
      `SIMULATED, ${count}, ${often} OF EACH STATE`,
      ...textTable([['state', 'objective', 'mean', '95 %', 'result'], ...rows], { left: [1] }),
      ...(transitions.length === 0
        ? []
        : [
            '',
            'NOBODY IS ANSWERED WHILE IT HAPPENS: LONGEST OUTAGE OF A RUN',
            ...textTable([['loss', 'reads, mean', 'worst', 'writes, mean', 'worst'], ...transitions]),
          ]),
    ];
  });
}

/** What the last candidate carries at most. */
function saturationLines({ candidates }: PlanResult): string[] {
  const last = candidates.at(-1);
  if (!last) return [];
  const parts = last.states.map(
    ({ state, saturation }) => `${state} ${formatCount(saturation.operationsPerSecond)}`,
  );
  const methods = [...new Set(last.states.map(({ saturation }) => saturation.method))].join(', ');
  const count = last.standbys === 1 ? '1 standby' : `${last.standbys} standbys`;
  return wrapText(
    `Operations a second with every session busy at once, ${count}: ${parts.join(', ')} (${methods}).`,
  );
}

function transitionRows({ transitions }: PlanResult['confirmed'][number]): string[][] {
  return transitions.map(({ loss, outages }) => [
    loss,
    ...['read', 'write'].flatMap((name) => {
      const outage = outages[name];
      return outage ? [formatSpan(outage.meanMs), formatSpan(outage.worstMs)] : ['-', '-'];
    }),
  ]);
}

function connectionLines(budget: ConnectionBudget): string[] {
  const { children, maxPool, databases, perServer, available, source, fits } = budget;
  const kept = Math.min(maxPool, databases);
  return [
    'CONNECTIONS OF PGPOOL TO EACH SERVER',
    ...wrapText(
      `${children} children × ${kept} (max_pool ${maxPool}, ${databases} ${databases === 1 ? 'database' : 'databases'}) = ${perServer} of ${available} (max_connections by ${source}, less those reserved): ${fits ? 'fits' : 'DOES NOT FIT'}`,
    ),
  ];
}

function remarkLines({ remarks }: PlanResult): string[] {
  if (remarks.length === 0) return [];
  return ['', 'REMARKS', ...remarks.flatMap((remark) => wrapText(`- ${remark}`, { indent: 2, hanging: 4 }))];
}
