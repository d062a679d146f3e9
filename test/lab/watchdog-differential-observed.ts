/** Sequences that show one behaviour of Pgpool's watchdog each; docs/pgpool-observed.md says what they show. */
export const observedWatchdog: readonly { id: string; sequence: string }[] = [
  { id: 'W1', sequence: 'kill 0, start 0' },
  { id: 'W2', sequence: 'stop 0, stop 1, start 1' },
  { id: 'W3', sequence: 'freeze 0, resume 0' },
  { id: 'W4', sequence: 'freeze 2, resume 2' },
  { id: 'W5', sequence: 'cut 0, join 0' },
  { id: 'W6', sequence: 'cut 2, join 2' },
  { id: 'W7', sequence: 'kill 1, cut 2, join 2, start 1' },
  { id: 'W8', sequence: 'cut 1, stop 2, start 2, join 1' },
];
