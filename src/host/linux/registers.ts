/**
 * Where a thread's registers lie in what PTRACE_GETREGSET (NT_PRSTATUS) gives, as indexes of 64-bit words, and how a
 * system call is made by setting them. All of it for threads that stopped at the end of a system call which ended with
 * ERESTARTNOINTR.
 */
export interface Architecture {
  /** Bytes of the register set; another size means another kind of program (32 bits). */
  readonly size: number;
  readonly stackPointer: number;
  /** The third argument of the call that the thread is in. */
  readonly thirdArgument: number;
  /** Numbers of the calls that are injected, by name. */
  readonly calls: Readonly<Record<InjectedCall, number>>;
  /** Makes `registers`, a copy of those at the stop, ready to make a system call at the place of the last one. */
  prepareCall(registers: BigUint64Array, number: number, args: readonly number[]): void;
  /** Makes the system call at which the thread stopped return `result` (0 or more, or -errno). */
  setResult(registers: BigUint64Array, result: number): void;
  /** What the call returned, at its end. */
  resultOf(registers: BigUint64Array): number;
}

/** System calls that are made in the place of clients. */
export type InjectedCall = 'socketpair' | 'recvmsg' | 'dup3' | 'close' | 'mmap';

/** struct user_regs_struct. */
const X64 = {
  r10: 7,
  r9: 8,
  r8: 9,
  rax: 10,
  rdx: 12,
  rsi: 13,
  rdi: 14,
  orig_rax: 15,
  rip: 16,
  rsp: 19,
} as const;
const X64_ARGUMENTS = [X64.rdi, X64.rsi, X64.rdx, X64.r10, X64.r8, X64.r9] as const;
/** Bytes of the instruction `syscall`. */
const X64_SYSCALL_SIZE = 2n;
/** orig_rax of a thread that is not in a system call: the kernel then restarts none. */
const X64_NO_CALL = 0xffff_ffff_ffff_ffffn;

const x64: Architecture = {
  size: 27 * 8,
  stackPointer: X64.rsp,
  thirdArgument: X64.rdx,
  calls: { socketpair: 53, recvmsg: 47, dup3: 292, close: 3, mmap: 9 },
  prepareCall(registers, number, args) {
    registers[X64.rax] = BigInt(number);
    registers[X64.orig_rax] = X64_NO_CALL;
    registers[X64.rip] = (registers[X64.rip] as bigint) - X64_SYSCALL_SIZE;
    for (const [i, arg] of args.entries()) registers[X64_ARGUMENTS[i] as number] = word(arg);
  },
  setResult(registers, result) {
    registers[X64.rax] = word(result);
    registers[X64.orig_rax] = X64_NO_CALL;
  },
  resultOf: (registers) => signed(registers[X64.rax]),
};

/** struct user_pt_regs: x0 to x30, sp, pc, pstate. */
const ARM64 = { x8: 8, sp: 31, pc: 32 } as const;
/** Bytes of an instruction, `svc #0` too. */
const ARM64_SVC_SIZE = 4n;

/** Untested. At the stop this kernel has gone back to the `svc` already, to make the call again. */
const arm64: Architecture = {
  size: 34 * 8,
  stackPointer: ARM64.sp,
  thirdArgument: 2,
  calls: { socketpair: 199, recvmsg: 212, dup3: 24, close: 57, mmap: 222 },
  prepareCall(registers, number, args) {
    registers[ARM64.x8] = BigInt(number);
    for (const [i, arg] of args.entries()) registers[i] = word(arg);
  },
  setResult(registers, result) {
    registers[0] = word(result);
    registers[ARM64.pc] = (registers[ARM64.pc] as bigint) + ARM64_SVC_SIZE;
  },
  resultOf: (registers) => signed(registers[0]),
};

/** The architecture we run on, `null` where injection is not known. */
export const architecture: Architecture | null =
  process.arch === 'x64' ? x64 : process.arch === 'arm64' ? arm64 : null;

function word(value: number): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

function signed(value: bigint | undefined): number {
  return Number(BigInt.asIntN(64, value ?? 0n));
}
