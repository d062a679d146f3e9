// Goal: the PCP client speaks the protocol that Pgpool-II 4.3.5 was seen to speak.
// Method: frames recorded from the real server, byte for byte; cut at every position.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pcpDigest, pcpFrame, pcpFrames, pcpNode } from '../../src/observe/pcp.ts';

test('the digest is the one that Pgpool accepted for this salt', () => {
  const salt = Buffer.from('ea27f9ab', 'hex');
  expect(pcpDigest({ user: 'pcpadm', password: 'secret' }, salt)).toBe('0b5c16fd794ea148490d13ee410c0678');
});

test('an authentication request has the recorded length', () => {
  expect(pcpFrame('R', `pcpadm\0${'0'.repeat(32)}\0`).readInt32BE(1)).toBe(44);
});

test('node info of 4.3.5', () => {
  const fields = '127.0.0.22,5432,2,0,unknown,1073741823.500000,3,unknown,0,streaming,async,1795374762'.split(
    ',',
  );
  expect(pcpNode(fields, 1)).toEqual({
    id: 1,
    address: '127.0.0.22',
    port: 5432,
    status: 'up',
    share: 0.5,
    role: 'standby',
    replicationState: 'streaming',
    changedEpochSeconds: 1795374762,
  });
});

test('node info of 4.4 has one field more; a sum of weights of 0 has no share; quarantine wins over down', () => {
  const fields = '127.0.0.21,5432,3,1,unknown,-nan,2,unknown,1,0,,,1795374762'.split(',');
  expect(pcpNode(fields, 0)).toMatchObject({
    status: 'quarantine',
    share: null,
    role: 'primary',
    replicationState: '',
  });
});

test('node info of 4.2 is refused, not misread', () => {
  expect(() => pcpNode('h,1,2,0,0.5,1,0,streaming,async,1'.split(','), 0)).toThrow(/10 fields/);
});

test('messages come out whole however the bytes were cut', () => {
  const frames = ['ArraySize\u00001\0', 'NodeInfo\0a\0', 'CommandComplete\0'];
  const bytes = Buffer.concat(frames.map((payload) => pcpFrame('i', payload)));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (steps) => {
      const seen: string[] = [];
      let rest: Buffer = Buffer.alloc(0);
      let at = 0;
      for (let turn = 0; at < bytes.length; turn += 1) {
        const step = steps[turn % steps.length] ?? 1;
        const parsed = pcpFrames(Buffer.concat([rest, bytes.subarray(at, at + step)]));
        at += step;
        rest = parsed.rest;
        seen.push(...parsed.frames.map((frame) => frame.payload.toString()));
      }
      expect(seen).toEqual(frames);
      expect(rest.length).toBe(0);
    }),
  );
});
