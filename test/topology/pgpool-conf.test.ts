// Goal: what we write into a pgpool.conf is what we read from it, and values mean what Pgpool 4.3.5 takes them for.
// Method: round trips of arbitrary values; lines in the forms of Pgpool's own sample file; the units of its settings.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  pgpoolDurationMs,
  pgpoolNumber,
  pgpoolSetting,
  pgpoolSwitch,
  readPgpoolConf,
  writePgpoolConf,
} from '../../src/topology/pgpool-conf.ts';

test('every value survives writing and reading', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/).filter((text) => !(text in Object.prototype));
  const value = fc.string().filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.dictionary(name, value), (settings) => {
      expect(readPgpoolConf(writePgpoolConf(settings, ['a header']))).toEqual({ ...settings });
    }),
  );
});

test('reads quotes, bare values, comments, and lets the last line win', () => {
  const text = `
# port = 1
port = 9999              # where clients connect
listen_addresses = '*'
follow_primary_command = '/x/follow.sh %d ''%h'' # no comment'   # a comment
port=9998
not a setting
`;
  expect(readPgpoolConf(text)).toEqual({
    port: '9998',
    listen_addresses: '*',
    follow_primary_command: "/x/follow.sh %d '%h' # no comment",
  });
});

test('what is not written has the default of 4.3.5, shutdown failover on included', () => {
  expect(pgpoolSwitch({}, 'failover_on_backend_shutdown')).toBe(true);
  expect(pgpoolSwitch({ failover_on_backend_shutdown: 'off' }, 'failover_on_backend_shutdown')).toBe(false);
  expect(pgpoolNumber({}, 'num_init_children')).toBe(32);
  expect(pgpoolDurationMs({}, 'search_primary_node_timeout')).toBe(300_000);
  expect(pgpoolSetting({}, 'no_such_setting')).toBeUndefined();
});

test('a bare number is in the unit of its setting, a unit wins', () => {
  expect(pgpoolDurationMs({ sr_check_period: '10' }, 'sr_check_period')).toBe(10_000);
  expect(pgpoolDurationMs({ connect_timeout: '10000' }, 'connect_timeout')).toBe(10_000);
  expect(pgpoolDurationMs({ sr_check_period: '500ms' }, 'sr_check_period')).toBe(500);
  expect(pgpoolDurationMs({ sr_check_period: 'soon' }, 'sr_check_period')).toBeUndefined();
});
