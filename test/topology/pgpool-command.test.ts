// Goal: the line that Pgpool hands to the shell is that of its version, and what it does is read as a shell and its programs would.
// Method: tables; the words of 4.3.5 are also compared with a real one (test/lab/pgpool-differential-commands.ts).
import { describe, expect, test } from 'vitest';
import { judgeTest, readCommandLine } from '../../src/topology/command-line.ts';
import { expandCommand } from '../../src/topology/pgpool-command.ts';
import { readCommand } from '../../src/topology/pgpool-command-acts.ts';

const nodes = [0, 1, 2].map((id) => ({ host: `10.0.0.${id}`, port: 5430 + id, dataDirectory: `/data${id}` }));
const lost = { node: 0, oldMain: 0, newMain: 1, oldPrimary: 0 };

function expand(line: string, version = '4.3.5', ids = lost): string {
  return expandCommand(line, ids, { nodes, version });
}

describe('placeholders', () => {
  const all = '%d|%h|%p|%D|%m|%H|%M|%P|%r|%R|%N|%S|%%|%x|';
  test.each([
    ['4.0.1', '0|10.0.0.0|5430|/data0|1|10.0.0.1|0|0|5431|/data1|||%||'],
    ['4.1.0', '0|10.0.0.0|5430|/data0|1|10.0.0.1|0|0|5431|/data1|10.0.0.0|5430|%||'],
    ['4.3.5', '0|10.0.0.0|5430|/data0|1|10.0.0.1|0|0|5431|/data1|10.0.0.0|5430|%||'],
    ['4.4.0', ' 0|10.0.0.0| 5430|/data0| 1|10.0.0.1|0|0|5431|/data1|10.0.0.0|5430|%||'],
    ['4.7.2', ' 0|10.0.0.0| 5430|/data0| 1|10.0.0.1|0|0|5431|/data1|10.0.0.0|5430|%||'],
  ])('of %s', (version, expected) => {
    expect(expand(all, version)).toBe(expected);
  });

  test('for a node that there is not: two quotes, and -1', () => {
    const ids = { node: 2, oldMain: 2, newMain: -1, oldPrimary: -1 };
    expect(expand('%m|%H|%r|%R|%P|%N|%S', '4.3.5', ids)).toBe('-1|""|""|""|-1|""|""');
  });

  test('a % at the end is nothing', () => {
    expect(expand('a%')).toBe('a');
  });
});

describe('a command line', () => {
  test.each([
    ['a  b\tc', [['a', 'b', 'c']]],
    ['a "b c" \'d "e\' f"g"h ""', [['a', 'b c', 'd "e', 'fgh', '']]],
    ['a && b c&&d', [['a'], ['b', 'c'], ['d']]],
    ['a b >> /var/log/x 2>&1', [['a', 'b']]],
    ['a >/dev/null 2>/dev/null b 3', [['a', 'b', '3']]],
    ['a b\\ c "d\\"e" # rest', [['a', 'b c', 'd"e']]],
    ['  ', []],
  ])('%s', (line, clauses) => {
    expect(readCommandLine(line)).toEqual({ clauses, background: false });
  });

  test('may end in the background', () => {
    expect(readCommandLine('a b &')).toEqual({ clauses: [['a', 'b']], background: true });
  });

  test.each(['a; b', 'a | b', 'a $(b)', 'a `b`', 'a "$HOME"', 'a || b', 'a "b', 'a & b', 'a &&', 'a\nb'])(
    'is not read: %s',
    (line) => {
      expect(readCommandLine(line)).toBeNull();
    },
  );

  test.each([
    ['[ 0 = 0 ]', true],
    ['[ 0 = 1 ]', false],
    ['test 2 -ne 1', true],
    ['[ -1 -lt 0 ]', true],
    ['[ x -ne 0 ]', false],
    ['[ x != 0 ]', true],
    ['[ -f x ]', null],
    ['echo 0 = 0', null],
  ])('as a test: %s', (line, outcome) => {
    expect(judgeTest(readCommandLine(line)?.clauses[0] ?? [])).toBe(outcome);
  });
});

const sample = '/etc/pgpool-II/failover.sh %d %h %p %D %m %H %M %P %r %R %N %S';
const promotesOne = { kind: 'promotes', node: 1, waits: true, connects: false };

describe('what a command does', () => {
  const place = { hosts: nodes.map(({ host }) => host), local: null };
  const act = (line: string, version = '4.3.5', ids = lost) =>
    readCommand(expand(line, version, ids), place).act;

  test.each([
    [
      'ssh -T -o StrictHostKeyChecking=no -i key postgres@%H /usr/lib/bin/pg_ctl -D %R -w promote',
      promotesOne,
    ],
    ['ssh %H "pg_ctl promote -W -D %R" >> /var/log/failover.log 2>&1', { ...promotesOne, waits: false }],
    ['[ %d = %P ] && ssh %H pg_ctl promote -D %R', promotesOne],
    ['/bin/bash -c "test %d -eq %P && ssh %H pg_ctl promote"', promotesOne],
    ['timeout 30 sudo -u postgres ssh %H pg_ctl promote', promotesOne],
    ['psql -h %H -p %r -c "select pg_promote()"', { ...promotesOne, connects: true }],
    ['psql --host=%H -c "select pg_promote(false)"', { ...promotesOne, connects: true, waits: false }],
    ['ssh %H touch /data/trigger_file', { ...promotesOne, waits: false }],
    ['ssh %H repmgr standby promote', promotesOne],
    [sample, promotesOne],
    ['pcp_promote_node -h localhost -w %m', { kind: 'pcp', command: 'promote', node: 1 }],
    ['pcp_attach_node -n %d', { kind: 'pcp', command: 'attach', node: 0 }],
    [
      '/opt/load_balancer_detach.sh %h s',
      { kind: 'script', script: 'detach', node: 0, type: 's', oldPrimary: -1 },
    ],
    [
      '/opt/follow_primary.sh %d %P %h %p',
      { kind: 'script', script: 'follow', node: 0, type: 's', oldPrimary: 0 },
    ],
    ['echo "node %d is down" >> /var/log/x', { kind: 'nothing' }],
    ['/opt/follow_primary.sh %d', { kind: 'fails' }],
    ['pg_ctl -D /data promote', { kind: 'fails' }],
    ['/opt/own.sh %d %H', { kind: 'unknown' }],
    ['ssh %H /opt/own.sh', { kind: 'unknown' }],
    ['if [ %d = %P ]; then ssh %H pg_ctl promote; fi', { kind: 'unknown' }],
    ['ssh %H pg_ctl promote && /opt/own.sh', { kind: 'unknown' }],
  ])('%s', (line, expected) => {
    expect(act(line)).toEqual(expected);
  });

  test('the sample does nothing when a standby has gone or no node is left, and fails when a folder is missing', () => {
    expect(act(sample, '4.3.5', { ...lost, node: 2, newMain: 0 })).toEqual({ kind: 'nothing' });
    expect(act(sample, '4.3.5', { ...lost, newMain: -1 })).toEqual({ kind: 'nothing' });
    expect(act(sample.replace('%D', ''))).toEqual({ kind: 'fails' });
  });

  test('a quoted %d is no longer %P from 4.4 on: nothing is promoted', () => {
    const line = '[ "%d" = "%P" ] && ssh %H pg_ctl promote';
    expect(act(line, '4.3.5')).toEqual(promotesOne);
    expect(act(line, '4.4.0')).toEqual({ kind: 'nothing' });
    expect(act('[ %d = %P ] && ssh %H pg_ctl promote', '4.4.0')).toEqual(promotesOne);
  });

  test('without ssh it acts on the server of Pgpool', () => {
    const here = { ...place, local: 2 };
    expect(readCommand('pg_ctl promote', here)).toEqual({
      act: { ...promotesOne, node: 2 },
      background: false,
    });
    expect(readCommand('pg_ctl promote &', here).background).toBe(true);
  });
});
