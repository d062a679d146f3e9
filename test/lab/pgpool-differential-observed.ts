/** A sequence that shows one behaviour of Pgpool-II 4.3.5; docs/pgpool-observed.md says what it shows. */
export interface Observed {
  id: string;
  profile: string;
  sequence: string;
}

/** Every sequence of docs/pgpool-observed.md; `npm run verify -- --only pgpool` does them all. */
export const observedSequences: readonly Observed[] = [
  { id: 'P1', profile: 'guide', sequence: 'open, open, kill 0, use' },
  { id: 'P2', profile: 'guide', sequence: 'kill 0, pcp detach 0, open, use' },
  { id: 'P3', profile: 'guide', sequence: 'kill 0, pcp detach 0, open, promote 1, use' },
  { id: 'P4', profile: 'guide', sequence: 'kill 0, pcp detach 0, promote 2, open, use' },
  { id: 'P5', profile: 'guide', sequence: 'stop 0, pcp detach 0, promote 1, pcp promote 1, open, use' },
  { id: 'P6', profile: 'guide', sequence: 'open, kill 0, promote 1, pcp detach 0, open, use' },
  { id: 'P7', profile: 'no-follow', sequence: 'promote 2, pcp detach 2, pcp attach 2, open, use' },
  {
    id: 'P8',
    profile: 'no-follow',
    sequence: 'promote 2, pcp detach 2, stop 1, pcp detach 1, pcp attach 2, open, use',
  },
  {
    id: 'P9',
    profile: 'no-follow',
    sequence: 'promote 2, pcp detach 0, pcp attach 0, open, open, open, pcp detach 2, use',
  },
  {
    id: 'P10',
    profile: 'guide',
    sequence: 'pcp detach 2, pcp detach 1, pcp detach 0, pcp attach 1, pcp attach 0',
  },
  { id: 'P11', profile: 'guide', sequence: 'open, pcp detach -g 2, close, pcp detach -g 2' },
  {
    id: 'P12',
    profile: 'guide',
    sequence: 'pcp attach 1, pcp detach 2, pcp promote 2, pcp detach 2, pcp promote 0',
  },
  { id: 'P13', profile: 'guide', sequence: 'open, open, open, pcp detach 2, use, pcp attach 2, use' },
  { id: 'P14', profile: 'guide', sequence: 'open, open, open, open, kill 2, use' },
  { id: 'P15', profile: 'guide', sequence: 'open, open, open, open, vanish 2, use' },
  {
    id: 'P16',
    profile: 'no-follow',
    sequence:
      'promote 1, pcp promote 1, stop 0, start 0 as standby of 1, pcp attach 0, open, kill 0, open, open, open',
  },
  { id: 'P17', profile: 'backend-error', sequence: 'open, open, kill 2, open, use' },
  { id: 'P18', profile: 'backend-error', sequence: 'open, kill 0, open, use' },
  { id: 'P19', profile: 'backend-shutdown', sequence: 'open, open, kill 0, use, pcp detach 0' },
  { id: 'P20', profile: 'backend-shutdown', sequence: 'kill 0, open' },
  { id: 'P21', profile: 'backend-shutdown', sequence: 'open, vanish 0, open' },
  { id: 'P22', profile: 'health-check', sequence: 'open, kill 2, open, use' },
  { id: 'P23', profile: 'health-check', sequence: 'open, kill 0, promote 1, open, use' },
  { id: 'P24', profile: 'health-check', sequence: 'kill 0, promote 1, pcp promote 1' },
  { id: 'P25', profile: 'auto-failback', sequence: 'pcp detach 2, stop 1, start 1' },
  { id: 'P26', profile: 'guide', sequence: 'open, pcp switchover 1, open, use' },
  { id: 'P27', profile: 'guide', sequence: 'open, pcp promote 1' },
  { id: 'P28', profile: 'no-follow', sequence: 'promote 1, pcp promote 1, open, use' },
  { id: 'P29', profile: 'guide', sequence: 'pcp detach 2, pcp promote -g 2, pcp attach 2' },
  {
    id: 'P30',
    profile: 'guide',
    sequence:
      'stop 0, pcp detach 0, promote 1, pcp promote 1, start 0 as standby of 1, pcp attach 0, pcp detach 0, open, pcp attach 0',
  },
  {
    id: 'P31',
    profile: 'no-follow',
    sequence:
      'promote 1, pcp promote 1, pcp attach 2, stop 0, start 0 as standby of 1, pcp attach 0, kill 0, pcp detach 0, pcp detach -g 2',
  },
  { id: 'P32', profile: 'backend-shutdown', sequence: 'open, open, open, kill 2, use' },
  { id: 'P33', profile: 'backend-error', sequence: 'pcp detach 1, pcp detach 0, vanish 2, open' },
  { id: 'P34', profile: 'auto-failback', sequence: 'pcp promote 2, open, use' },
  { id: 'P35', profile: 'commands', sequence: 'open, pcp detach 2, pcp attach 2, pcp detach 0, use' },
  {
    id: 'P36',
    profile: 'commands',
    sequence: 'pcp detach 2, pcp detach 1, pcp detach 0, pcp attach 1, pcp attach 0',
  },
  { id: 'P37', profile: 'promoting', sequence: 'open, kill 0, open, use' },
  { id: 'P38', profile: 'promoting', sequence: 'kill 2, open, open' },
  { id: 'P39', profile: 'promoting', sequence: 'open, pcp switchover 2, open, use' },
  { id: 'P40', profile: 'promoting', sequence: 'pcp detach 0, use, pcp attach 0, open, use' },
  { id: 'P41', profile: 'promoting-alone', sequence: 'open, kill 0, open, open, use' },
  { id: 'P42', profile: 'disallow', sequence: 'open, kill 0, open, pcp detach 0, use' },
  { id: 'P43', profile: 'disallow', sequence: 'kill 2, open' },
  {
    id: 'P44',
    profile: 'always-primary',
    sequence: 'open, kill 0, pcp detach 0, open, promote 1, pcp promote 1, use',
  },
  { id: 'P45', profile: 'always-primary', sequence: 'promote 1, pcp promote 1, open, use, pcp attach 0' },
  { id: 'P46', profile: 'false-primary', sequence: 'promote 2, open, use' },
  {
    id: 'P47',
    profile: 'false-primary',
    sequence: 'stop 0, pcp detach 0, promote 1, start 0, pcp attach 0, use',
  },
];
