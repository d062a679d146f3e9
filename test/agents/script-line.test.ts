// Goal: a hook's command line is run with the values that EFM of the user's version would put in.
import { expect, test } from 'vitest';
import { scriptLine } from '../../src/agents/script-line.ts';

const lost = { h: '10.0.0.1', t: 'p' } as const;

test('placeholders are replaced wherever they stand, a missing one by nothing', () => {
  expect(scriptLine('/opt/fence.sh --new=%p %f', { p: '10.0.0.2', f: '' }, 'newest')).toEqual({
    file: '/opt/fence.sh',
    args: ['--new=10.0.0.2', ''],
  });
  expect(scriptLine('/opt/x', {}, 'newest')).toEqual({ file: '/opt/x', args: [] });
});

test('the type of a primary is p, and was m in 3.9; that of a standby is s in both', () => {
  expect(scriptLine('detach %h %t', lost, 'newest').args).toEqual(['10.0.0.1', 'p']);
  expect(scriptLine('detach %h %t', lost, '3.9').args).toEqual(['10.0.0.1', 'm']);
  expect(scriptLine('detach %h %t', { ...lost, t: 's' }, '3.9').args).toEqual(['10.0.0.1', 's']);
});
