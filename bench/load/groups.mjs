// What the bench compares, group by group. Each gives rows: what, against what, ratio with its spread, target.
import { emptyTransportNanos, recordingNanos } from './micro.mjs';
import { startPgpool } from './pgpool.mjs';
import { bare, ours, pgbench, pgPackage, sysbench } from './rivals.mjs';

const transports = ['ring', 'stream'];
const targets = { ring: { cpu: '≤ 0.85', tps: '≥ 1.05' }, stream: { cpu: '≤ 1.15', tps: '≥ 0.97' } };

/** Runs all programs in turn, forwards and backwards by round, and gives every round's results. */
async function rounds({ count, gate, programs }) {
  const results = [];
  for (let round = 0; round < count; round += 1) {
    const order = Object.entries(programs);
    if (round % 2 === 1) order.reverse();
    const result = {};
    for (const [name, run] of order) {
      await gate();
      result[name] = await run();
    }
    results.push(result);
  }
  return results;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Median and spread of the rounds' ratios of one figure between two programs. */
function ratio(results, [ours, theirs], figure) {
  const ratios = results.map((result) => figure(result[ours]) / figure(result[theirs]));
  return {
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    ours: median(results.map((result) => figure(result[ours]))),
    theirs: median(results.map((result) => figure(result[theirs]))),
  };
}

const cpu = ({ cpuMicros }) => cpuMicros;
const wholeCpu = ({ wholeCpuMicros }) => wholeCpuMicros;
const throughput = ({ perSecond }) => perSecond;

function rowsAgainstPgbench(results, what, programs, goals = targets) {
  return programs.flatMap((name) => {
    const target = goals[name] ?? { cpu: 'reported', tps: 'reported' };
    const pair = [name, 'pgbench'];
    return [
      { what: `${what}, ${name}: CPU a transaction, µs`, target: target.cpu, ...ratio(results, pair, cpu) },
      {
        what: `${what}, ${name}: the same, whole process`,
        target: 'beside it',
        ...ratio(results, pair, wholeCpu),
      },
      {
        what: `${what}, ${name}: transactions a second`,
        target: target.tps,
        ...ratio(results, pair, throughput),
      },
    ];
  });
}

async function* closed({ server, seconds, count, gate, protocols }) {
  for (const protocol of protocols)
    for (const sessions of [8, 64]) {
      const plan = { server, protocol, sessions, seconds };
      const programs = { pgbench: () => pgbench(plan) };
      for (const name of transports) programs[name] = () => ours(name)(plan);
      const results = await rounds({ count, gate, programs });
      yield rowsAgainstPgbench(results, `${protocol}, ${sessions} sessions`, transports);
    }
}

/** How far our own code is from the least that its transports allow in JavaScript. */
async function* floor({ server, seconds, count, gate }) {
  for (const sessions of [8, 64]) {
    const plan = { server, protocol: 'prepared', sessions, seconds };
    const programs = { pgbench: () => pgbench(plan) };
    for (const name of transports) {
      programs[name] = () => ours(name)(plan);
      programs[`${name}, bare loop`] = () => bare(name)(plan);
    }
    const results = await rounds({ count, gate, programs });
    yield Object.keys(programs)
      .slice(1)
      .map((name) => ({
        what: `prepared, ${sessions} sessions, ${name}: CPU a transaction, µs`,
        target: 'reported',
        ...ratio(results, [name, 'pgbench'], cpu),
      }));
  }
}

async function* scenario({ server, seconds, count, gate, protocols }) {
  for (const protocol of protocols) {
    const plan = { server, protocol, sessions: 8, seconds };
    const programs = { pgbench: () => pgbench(plan) };
    for (const name of transports) programs[name] = () => ours(name, { scenario: true })(plan);
    const results = await rounds({ count, gate, programs });
    yield rowsAgainstPgbench(results, `a whole load worker, ${protocol}, 8 sessions`, transports, {});
  }
}

async function* others({ server, seconds, count, gate }) {
  const plan = { server, protocol: 'prepared', sessions: 8, seconds };
  const programs = { pgbench: () => pgbench(plan), pg: () => pgPackage(plan) };
  const names = ['pg'];
  if (await sysbench({ ...plan, seconds: 1 })) {
    programs.sysbench = () => sysbench(plan);
    names.push('sysbench');
  } else yield [{ what: 'sysbench', note: 'not installed here' }];
  yield rowsAgainstPgbench(await rounds({ count, gate, programs }), 'prepared, 8 sessions', names);
}

async function* open({ server, seconds, count, gate, rates }) {
  const fifo = process.getuid() === 0;
  for (const perSecond of rates) {
    const plan = { server, protocol: 'prepared', sessions: 16, seconds, perSecond };
    const programs = {
      pgbench: () => pgbench(plan),
      ring: () => ours('ring')(plan),
      stream: () => ours('stream')(plan),
    };
    if (fifo) programs['ring, real-time'] = () => ours('ring')({ ...plan, fifo });
    const results = await rounds({ count, gate, programs });
    const names = Object.keys(programs).slice(1);
    yield names.flatMap((name) => {
      const late = (share) => ratio(results, [name, 'pgbench'], ({ lateMs }) => lateMs[share] * 1000);
      const p99 = { ring: '≤ 0.9', 'ring, real-time': '≤ 0.4' }[name] ?? 'reported';
      const what = `open, ${perSecond}/s, ${name}`;
      return [
        {
          what: `${what}: lateness p50, µs`,
          target: name === 'stream' ? 'reported' : '≤ 0.3',
          ...late('p50'),
        },
        { what: `${what}: lateness p99, µs`, target: p99, ...late('p99') },
        {
          what: `${what}: CPU a transaction, µs`,
          target: 'reported',
          ...ratio(results, [name, 'pgbench'], cpu),
        },
      ];
    });
  }
}

async function* pgpool({ server, seconds, count, gate }) {
  const started = await startPgpool(server, 40);
  if (!started) {
    yield [{ what: 'through Pgpool-II', note: 'not installed here' }];
    return;
  }
  try {
    for (const sessions of [8, 32]) {
      const plan = { server, target: started.target, protocol: 'prepared', sessions, seconds };
      const programs = { pgbench: () => pgbench(plan) };
      for (const name of transports) programs[name] = () => ours(name)(plan);
      const results = await rounds({ count, gate, programs });
      yield transports.map((name) => ({
        what: `through Pgpool-II, ${sessions} sessions, ${name}: transactions a second`,
        target: '≥ 1.0',
        ...ratio(results, [name, 'pgbench'], throughput),
      }));
    }
  } finally {
    await started.stop();
  }
}

async function* idle({ server, seconds, gate, idleSessions: sessions }) {
  for (const name of transports) {
    await gate();
    const plan = { server, protocol: 'prepared', sessions, seconds, perSecond: sessions / 10 };
    const { residentBytes, cpuShare } = await ours(name)(plan);
    const what = `${sessions} sessions, each used every 10 s, ${name}`;
    yield [
      {
        what: `${what}: resident, MB`,
        target: sessions >= 5000 ? '< 500' : 'reported',
        ours: residentBytes / 1e6,
      },
      { what: `${what}: of a core, %`, target: sessions >= 5000 ? '< 10' : 'reported', ours: cpuShare * 100 },
    ];
  }
}

async function* micro({ gate }) {
  await gate();
  const { ours: own, theirs, ratio: share } = recordingNanos();
  yield [
    {
      what: 'our code alone, empty transport: a transaction, ns',
      target: 'reported',
      ours: emptyTransportNanos(),
    },
    {
      what: 'recording one completion, ns, against hdr-histogram-js 32-bit',
      ...{ target: '≤ 0.2', ratio: share, least: share, most: share, ours: own, theirs },
    },
  ];
}

/** Groups by the name that `--only` takes, in the order they run. */
export const groups = { micro, closed, floor, scenario, others, open, pgpool, idle };
