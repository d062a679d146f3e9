/** The lower and upper half of an address, as the kernel's structures hold it in 32-bit words. */
export function addressHalves(address: number): [low: number, high: number] {
  return [address | 0, Math.floor(address / 2 ** 32)];
}

/** Writes an address into two words. */
export function setAddress(words: Int32Array, at: number, address: number): void {
  [words[at], words[at + 1]] = addressHalves(address);
}

/** Writes a span as the kernel takes it, into memory that was all zero: seconds and nanoseconds, 64 bits each. */
export function setTime(words: Int32Array, at: number, spanMs: number): void {
  const seconds = Math.floor(spanMs / 1000);
  words[at] = seconds;
  words[at + 2] = (spanMs - seconds * 1000) * 1e6;
}

/** Positions in a ring's shared memory, in 32-bit words. */
export interface RingOffsets {
  features: number;
  sharedBytes: number;
  submissionHead: number;
  submissionTail: number;
  array: number;
  completionHead: number;
  completionTail: number;
  completionMask: number;
  completions: number;
}

/**
 * Reads what the kernel put into `struct io_uring_params`; the mask is fixed by the sizes, so it is computed.
 *
 * @see Linux io_uring_setup(2)
 */
export function readOffsets(params: Int32Array): RingOffsets {
  const word = (at: number): number => params[at] as number;
  const submissionBytes = word(16) + word(0) * 4;
  const completionBytes = word(25) + word(1) * 16;
  return {
    features: word(5),
    sharedBytes: Math.max(submissionBytes, completionBytes),
    submissionHead: word(10) / 4,
    submissionTail: word(11) / 4,
    array: word(16) / 4,
    completionHead: word(20) / 4,
    completionTail: word(21) / 4,
    completionMask: word(1) - 1,
    completions: word(25) / 4,
  };
}

/** Why a ring could not be set up, for who reads a report. */
export function refusal(errno: number): string {
  if (errno === 1)
    return 'the kernel forbids io_uring here (EPERM: kernel.io_uring_disabled, or a container rule)';
  if (errno === 38) return 'this kernel has no io_uring (ENOSYS)';
  if (errno === 22) return 'this kernel is too old for the ring (EINVAL: Linux 6.1 is needed)';
  if (errno === 12) return 'no locked memory is left for a ring (ENOMEM: ulimit -l)';
  return `io_uring_setup failed with errno ${errno}`;
}
