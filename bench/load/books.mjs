// What the bench's own loops write a transaction down in: one class of reads, one server, everything recorded.
import { built } from './built.mjs';

const { SliceRecorder } = await built('workload/slice-recorder');

/** The recorder, and the one record that each transaction is handed to it in. @param sink counts or drops what is handed on */
export function selectBooks(sink = { interval: () => undefined, latency: () => undefined }) {
  const classes = [{ name: 'select', kind: 'read' }];
  return {
    recorder: new SliceRecorder({ classes, servers: ['primary'], sink }),
    call: {
      ...{ classIndex: 0, server: 0, outcome: 0, code: '', foundFree: true },
      ...{ dueMs: Number.NaN, sentMs: Number.NaN, endedMs: Number.NaN },
    },
  };
}
