// Goal: what we write into a pgpool.conf is what we read from it, and values mean what Pgpool 4.3.5 takes them for.
// Method: round trips of arbitrary values; the units of its settings and how it rounds them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { valuesOf } from '../../src/topology/config/document.ts';
import { parsePgpoolDocument } from '../../src/topology/config/pgpool-document.ts';
import {
  pgpoolDurationMs,
  pgpoolNumber,
  pgpoolSetting,
  pgpoolSwitch,
  writePgpoolConf,
} from '../../src/topology/pgpool-conf.ts';

test('every value that Pgpool can read survives writing and reading, and every other is refused', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/).filter((text) => text !== 'include');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
      const settings = Object.fromEntries(pairs);
      if (Object.values(settings).some((value) => /['\r\n]|\\$/.test(value)))
        expect(() => writePgpoolConf(settings)).toThrow(/no quote or line end within quotes/);
      else
        expect(valuesOf(parsePgpoolDocument(writePgpoolConf(settings, ['a header']), 'f'))).toEqual(settings);
    }),
  );
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
  expect(pgpoolDurationMs({ connect_timeout: '2s' }, 'connect_timeout')).toBe(2000);
  expect(pgpoolDurationMs({ log_rotation_age: '90s' }, 'log_rotation_age')).toBe(120_000);
  expect(pgpoolDurationMs({ sr_check_period: '500ms' }, 'sr_check_period')).toBe(0);
  expect(pgpoolDurationMs({ sr_check_period: '1600ms' }, 'sr_check_period')).toBe(2000);
  expect(pgpoolDurationMs({ sr_check_period: 'soon' }, 'sr_check_period')).toBeUndefined();
});
