import { DrillError } from '../../kernel/errors.ts';

/** Memory outside the JavaScript heap, at an address the kernel can be told. */
export interface Mapping {
  /** Below 2^47, so exact. */
  address: number;
  bytes: ArrayBuffer;
}

/** The Linux calls that a ring needs; a negative result is an errno. */
export interface KernelCalls {
  /** `io_uring_setup`: a ring's file, or a negative errno. */
  ringSetup(entries: number, paramsAddress: number): number;
  /** `io_uring_enter`, by position: it is the one call on the path of every transaction. */
  ringEnter(
    file: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    argument: number,
    size: number,
  ): number;
  ringRegister(file: number, operation: number, argumentAddress: number, count: number): number;
  /** Anonymous memory of this process; nothing of it is resident before it is touched. @throws DrillError */
  map(bytes: number): Mapping;
  /** A ring's shared memory. @throws DrillError */
  mapRing(file: number, offset: number, bytes: number): Mapping;
  unmap(mapping: Mapping): void;
  /** A second descriptor of the same socket, closed on exec. */
  duplicate(file: number): number;
  closeFile(file: number): number;
  /** Ends a connection in both directions; what has arrived can still be read. */
  shutdown(file: number): number;
  /** Sends without waiting; the number of bytes taken. */
  sendNow(file: number, message: Uint8Array): number;
  /** Lets this thread's timers fire within 1 ns of their time instead of 50 µs (prctl PR_SET_TIMERSLACK). */
  sharpenTimers(): number;
}

/** x86-64 and arm64 share these numbers (asm-generic/unistd.h). */
const Call = { ringSetup: 425, ringEnter: 426, ringRegister: 427 } as const;
const protReadWrite = 3;
const mapPrivateAnonymous = 0x22;
const mapSharedPopulate = 0x8001;
const duplicateCloexec = 1030;
const sendFlags = 0x4000 | 0x40; // MSG_NOSIGNAL, MSG_DONTWAIT
const shutdownBoth = 2;
const setTimerSlack = 29;

/** What keeps this machine from a ring; the reason is printed. */
export class NoRing extends DrillError {
  constructor(message: string) {
    super(message, { hint: 'let the transport be chosen, or ask for stream' });
  }
}

/**
 * Binds the calls through the optional package `koffi`.
 *
 * @throws NoRing when this is not 64-bit Linux, or the package or its binary for this platform is missing
 */
export async function loadKernelCalls(): Promise<KernelCalls> {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch))
    throw new NoRing(
      `io_uring is there on 64-bit Linux only, this is ${process.platform} on ${process.arch}`,
    );
  const koffi = await import('koffi').catch((error: unknown) => {
    throw new NoRing(`the optional package koffi cannot be loaded: ${firstLine(error)}`);
  });
  const libc = koffi.load(null);
  const setup = libc.func('int syscall(int64, uint32, int64)');
  const enter = libc.func('int syscall(int64, int, uint32, uint32, uint32, int64, int64)');
  const register = libc.func('int syscall(int64, int, uint32, int64, uint32)');
  const mmap = libc.func('int64 mmap(int64, size_t, int, int, int, int64)');
  const munmap = libc.func('int munmap(int64, size_t)');
  const fcntl = libc.func('int fcntl(int, int, int)');
  const close = libc.func('int close(int)');
  const shutdown = libc.func('int shutdown(int, int)');
  const send = libc.func('int64 send(int, uint8_t*, size_t, int)');
  const prctl = libc.func('int prctl(int, uint64, uint64, uint64, uint64)');
  const orErrno = (result: number): number => (result < 0 ? -koffi.errno() : result);
  const view = (address: number, bytes: number): Mapping => {
    if (address < 0)
      throw new DrillError(`no memory of ${bytes} bytes for the load's buffers (errno ${koffi.errno()})`, {
        hint: 'use fewer sessions in this process, or another machine',
      });
    return { address, bytes: koffi.view(BigInt(address), bytes) };
  };
  return {
    ringSetup: (entries, params) => orErrno(setup(Call.ringSetup, entries, params)),
    ringEnter: (file, toSubmit, minComplete, flags, argument, size) => {
      const result = enter(Call.ringEnter, file, toSubmit, minComplete, flags, argument, size);
      return result < 0 ? -koffi.errno() : result;
    },
    ringRegister: (file, operation, argument, count) =>
      orErrno(register(Call.ringRegister, file, operation, argument, count)),
    map: (bytes) => view(mmap(0, bytes, protReadWrite, mapPrivateAnonymous, -1, 0), bytes),
    mapRing: (file, offset, bytes) =>
      view(mmap(0, bytes, protReadWrite, mapSharedPopulate, file, offset), bytes),
    unmap: ({ address, bytes }) => void munmap(address, bytes.byteLength),
    duplicate: (file) => orErrno(fcntl(file, duplicateCloexec, 0)),
    closeFile: (file) => orErrno(close(file)),
    shutdown: (file) => orErrno(shutdown(file, shutdownBoth)),
    sendNow: (file, message) => orErrno(Number(send(file, message, message.length, sendFlags))),
    sharpenTimers: () => orErrno(prctl(setTimerSlack, 1, 0, 0, 0)),
  };
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
