import { DrillError, ExitCode } from '../../kernel/errors.ts';

export interface InitOptions {
  /** pgbench's scale factor, from 1. */
  scale: number;
  /** Letters of the steps in their order; blanks count nothing. */
  steps: string;
  /** 10 to 100. */
  fillfactor: number;
  unlogged: boolean;
}

/** What `pgbench -i` does unless it is told. */
export const defaultInitOptions: InitOptions = {
  scale: 1,
  steps: 'dtgvp',
  fillfactor: 100,
  unlogged: false,
};

/** One thing to do on a connection: a statement, or a COPY with its rows in text format, a line each. */
export type InitAction =
  | { type: 'statement'; sql: string }
  | { type: 'copy'; sql: string; rowCount: number; rows: () => Iterable<string> };

/** A step with the word that pgbench's report has for it. */
export interface InitStep {
  letter: string;
  /** For progress on stderr. */
  announcement: string;
  /** In the last line: `done in … (drop tables …)`. */
  name: string;
  actions: readonly InitAction[];
}

const perScale = { branches: 1, tellers: 10, accounts: 100_000 } as const;

/** From this scale on account numbers are bigint. */
const bigScale = 20_000;

const tables = ['pgbench_accounts', 'pgbench_branches', 'pgbench_history', 'pgbench_tellers'].join(', ');

const statement = (sql: string): InitAction => ({ type: 'statement', sql });

/**
 * The steps of `pgbench -i` as data, with the SQL that pgbench 15 sends.
 *
 * @throws DrillError for a letter that is no step, no step at all, or a number out of range
 */
export function initSteps(options: InitOptions): InitStep[] {
  check(options);
  return [...options.steps.replaceAll(' ', '')].map((letter) => stepOf(letter, options));
}

function check({ scale, steps, fillfactor }: InitOptions): void {
  const usage = { exitCode: ExitCode.usage } as const;
  if (steps === '') throw new DrillError('no initialization steps specified', usage);
  const unknown = /[^dtgGvpf ]/.exec(steps)?.[0];
  if (unknown !== undefined) {
    const hint = 'allowed step characters are: "dtgGvpf"';
    throw new DrillError(`unrecognized initialization step "${unknown}"`, { ...usage, hint });
  }
  if (!Number.isInteger(scale) || scale < 1)
    throw new DrillError(`a scale must be an integer from 1, not ${scale}`, usage);
  if (!Number.isInteger(fillfactor) || fillfactor < 10 || fillfactor > 100)
    throw new DrillError(`a fill factor must be an integer from 10 to 100, not ${fillfactor}`, usage);
}

function stepOf(letter: string, options: InitOptions): InitStep {
  switch (letter) {
    case 'd':
      return {
        letter,
        announcement: 'dropping old tables...',
        name: 'drop tables',
        actions: [statement(`drop table if exists ${tables}`)],
      };
    case 't':
      return {
        letter,
        announcement: 'creating tables...',
        name: 'create tables',
        actions: createTables(options),
      };
    case 'g':
      return {
        letter,
        announcement: 'generating data (client-side)...',
        name: 'client-side generate',
        actions: generateHere(options),
      };
    case 'G':
      return {
        letter,
        announcement: 'generating data (server-side)...',
        name: 'server-side generate',
        actions: generateThere(options),
      };
    case 'v':
      return { letter, announcement: 'vacuuming...', name: 'vacuum', actions: vacuum };
    case 'p':
      return { letter, announcement: 'creating primary keys...', name: 'primary keys', actions: primaryKeys };
    default:
      return { letter, announcement: 'creating foreign keys...', name: 'foreign keys', actions: foreignKeys };
  }
}

function createTables({ scale, fillfactor, unlogged }: InitOptions): InitAction[] {
  const aid = scale >= bigScale ? 'aid bigint' : 'aid    int';
  const create = unlogged ? 'create unlogged table' : 'create table';
  const filled = ` with (fillfactor=${fillfactor})`;
  return [
    `${create} pgbench_history(tid int,bid int,${aid},delta int,mtime timestamp,filler char(22))`,
    `${create} pgbench_tellers(tid int not null,bid int,tbalance int,filler char(84))${filled}`,
    `${create} pgbench_accounts(${aid} not null,bid int,abalance int,filler char(84))${filled}`,
    `${create} pgbench_branches(bid int not null,bbalance int,filler char(88))${filled}`,
  ].map(statement);
}

function generateHere({ scale }: InitOptions): InitAction[] {
  const rowCount = perScale.accounts * scale;
  function* rows(): Generator<string> {
    for (let row = 0; row < rowCount; row += 1)
      yield `${row + 1}\t${Math.floor(row / perScale.accounts) + 1}\t0\t\n`;
  }
  const branches = Array.from({ length: perScale.branches * scale }, (_, row) =>
    statement(`insert into pgbench_branches(bid,bbalance) values(${row + 1},0)`),
  );
  const tellers = Array.from({ length: perScale.tellers * scale }, (_, row) => {
    const branch = Math.floor(row / perScale.tellers) + 1;
    return statement(`insert into pgbench_tellers(tid,bid,tbalance) values (${row + 1},${branch},0)`);
  });
  return [
    statement('begin'),
    statement(`truncate table ${tables}`),
    ...branches,
    ...tellers,
    { type: 'copy', sql: 'copy pgbench_accounts from stdin with (freeze on)', rowCount, rows },
    statement('commit'),
  ];
}

function generateThere({ scale }: InitOptions): InitAction[] {
  const { branches, tellers, accounts } = perScale;
  return [
    'begin',
    `truncate table ${tables}`,
    `insert into pgbench_branches(bid,bbalance) select bid, 0 from generate_series(1, ${branches * scale}) as bid`,
    `insert into pgbench_tellers(tid,bid,tbalance) select tid, (tid - 1) / ${tellers} + 1, 0 ` +
      `from generate_series(1, ${tellers * scale}) as tid`,
    `insert into pgbench_accounts(aid,bid,abalance,filler) select aid, (aid - 1) / ${accounts} + 1, 0, '' ` +
      `from generate_series(1, ${accounts * scale}) as aid`,
    'commit',
  ].map(statement);
}

const vacuum = ['branches', 'tellers', 'accounts', 'history'].map((table) =>
  statement(`vacuum analyze pgbench_${table}`),
);

const primaryKeys = [
  'alter table pgbench_branches add primary key (bid)',
  'alter table pgbench_tellers add primary key (tid)',
  'alter table pgbench_accounts add primary key (aid)',
].map(statement);

const foreignKeys = [
  ['tellers', 'bid', 'branches'],
  ['accounts', 'bid', 'branches'],
  ['history', 'bid', 'branches'],
  ['history', 'tid', 'tellers'],
  ['history', 'aid', 'accounts'],
].map(([table, column, target]) =>
  statement(
    `alter table pgbench_${table} add constraint pgbench_${table}_${column}_fkey ` +
      `foreign key (${column}) references pgbench_${target}`,
  ),
);
