import { createArea, type MappedArea } from './area.ts';
import { libc, loadKoffi } from './libc.ts';
import { once } from './once.ts';

/** The last one there is: nobody else uses it. */
const WAKE_SIGNAL = 64;

const P_ALL = 0;
const WSTOPPED = 2;
const WEXITED = 4;
const WNOWAIT = 0x100_0000;
const OWN_THREAD = 0x2000_0000;
const WALL = 0x4000_0000;
const OPTIONS = WSTOPPED | WEXITED | WNOWAIT | OWN_THREAD | WALL;

/** Bytes of struct sigaction: handler, 128 of mask, flags, restorer. */
const SIGACTION_SIZE = 152;
const SIGINFO_SIZE = 128;
const SYS_GETTID: Readonly<Record<string, number>> = { x64: 186, arm64: 178 };

const c = once(() => ({
  waitid: libc<(type: number, id: number, info: number, options: number) => number>(
    'int waitid(int, int, uint64_t, int)',
  ),
  tgkill: libc<(pid: number, tid: number, signal: number) => number>('int tgkill(int, int, int)'),
  sigaction: libc<(signal: number, action: Uint8Array, old: null) => number>(
    'int sigaction(int, void *, void *)',
  ),
  syscall: libc<(number: number) => number>('int64_t syscall(int64_t)'),
}));

const info: () => MappedArea = once(() => createArea(SIGINFO_SIZE));

/** Makes {@link wakeUp} possible in this process. */
export function preventDeathByWaking(): void {
  const koffi = loadKoffi();
  const action = new DataView(new ArrayBuffer(SIGACTION_SIZE));
  // A handler that does nothing, whatever it is called with; without SA_RESTART the wait ends
  const nothing = koffi.address(koffi.load(null).symbol('abs', 'int'));
  action.setBigUint64(0, BigInt(nothing), true);
  c().sigaction(WAKE_SIGNAL, new Uint8Array(action.buffer), null);
}

/** Waits until one of the threads that this thread traces has stopped or ended, or somebody wakes us. Takes no news. */
export function awaitStop(): void {
  c().waitid(P_ALL, 0, info().address, OPTIONS);
}

/** Ends {@link awaitStop} of another thread of ours, if it is in it. */
export function wakeUp(tid: number): void {
  c().tgkill(process.pid, tid, WAKE_SIGNAL);
}

/** The id of this thread. */
export function ownThreadId(): number {
  return c().syscall(SYS_GETTID[process.arch] ?? -1);
}
