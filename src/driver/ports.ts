import type { Area } from '../page/area.ts';
import type { PageBacking } from '../page/page-backing.ts';
import type { PageMemory } from '../page/page-memory.ts';
import type { ScatterList } from '../page/scatter-list.ts';
import type { Priority } from './priority.ts';
import type { Thread } from './thread.ts';

export type { Area } from '../page/area.ts';

/**
 * What the driver needs from outside, as types only. The same driver runs over FUSE, inside one process, in a browser
 * and under the simulator, because everything it cannot do itself comes through these interfaces.
 *
 * Each opened device brings its own {@link Client}, so that clients of different kinds (other processes, the same
 * process) call each other through one driver.
 */

/**
 * Identifies a thread of a client. The driver only compares it; over FUSE it is the thread's id (tid) in the daemon's
 * pid namespace.
 */
export type ThreadId = number;

/**
 * A client's own memory, as one of its threads sees it. Addresses are checked to be below 2^53 before they come here;
 * whether they are mapped, readable or writable is found by trying.
 */
export interface ClientMemory {
  /**
   * Copies `length` bytes from the client's `address` to `into`, starting at byte `at`.
   *
   * @returns how many bytes were copied; fewer than `length` means that the byte after them faulted.
   */
  read(thread: ThreadId, address: number, into: Area, at: number, length: number): number;
  /**
   * Copies the client's segments `from`, which lie at its addresses, to the segments `to` of `into`, as if each were one
   * piece of the same size: one system call where there are such.
   *
   * @returns how many bytes were copied; fewer than `from` has means that the byte after them faulted.
   */
  readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number;
  /** The other way: copies `length` bytes of `from`, starting at byte `at`, to the client's `address`. */
  write(thread: ThreadId, address: number, from: Area, at: number, length: number): number;
}

/**
 * The region in which a client receives data, shared between the driver (which writes) and the client (which reads).
 * The driver never reads it: a client may have scribbled over it.
 */
export interface Mapping {
  /** Where the client sees the region. */
  readonly address: number;
  /** Bytes, a multiple of the page size, at most `MAX_MAPPING_SIZE`. */
  readonly size: number;
  /** Where the driver writes what the client shall see at `address`. */
  readonly area: Area;
  /** Bytes of a page of the region. */
  readonly pageSize: number;
  /** How memory of the region is given back while no buffer lies in it; `null` where it cannot be. */
  readonly backing: PageBacking | null;
  /** Makes `length` bytes at `offset`, written to `area` just now, visible to the client. */
  store(offset: number, length: number): void;
}

/**
 * An open file (open file description) on its way from one client to another. The driver holds it from the moment it
 * was taken until it was installed or given up, and closes it exactly once.
 */
export interface OpenFile {
  close(): void;
}

/** What came of an installation: the new descriptors, in the order of the files, or a positive errno. */
export type Installed = readonly number[] | number;

/** A client's descriptors. */
export interface ClientFiles {
  /**
   * Takes a reference to the open file behind descriptor `fd` of the client, as `thread`, which is in an ioctl, sees
   * it.
   *
   * @returns the file, now the driver's, or a positive errno: EBADF where there is none (or an O_PATH descriptor).
   */
  take(thread: ThreadId, fd: number): OpenFile | number;
  /**
   * Gives `thread`, which is in an ioctl that is not answered yet, a new close-on-exec descriptor for each of `files`:
   * all of them or none. The files stay the driver's: it closes them when it knows what came of it.
   *
   * @returns the outcome, where it is known at once, or {@link INSTALLING}: then the driver waits, and the host calls
   * `process.installed(thread, outcome)` later, from outside of any call of the driver. Until then the thread is
   * neither asleep nor running for the driver; the host may answer its system call to get hold of it, so long as it does
   * not let it go on. In that call of `installed` the driver either calls `install` again, for the next transaction
   * when this one failed, or ends with {@link Client.answer}, with an errno or {@link RESTART}. When the thread or its
   * process goes away first, the driver answers it, closes the files and wants to hear no outcome; one that still comes
   * is ignored.
   */
  install(thread: Thread, files: readonly OpenFile[]): Installed | typeof INSTALLING;
  /**
   * Closes descriptors that were installed for this client, at the latest when the ioctl in which `thread` is returns.
   * They are numbers only: the client may have closed them, and opened others, meanwhile.
   */
  close(thread: Thread, fds: readonly number[]): void;
}

/**
 * How one thread of a client is scheduled. It is looked at with each call, so the answer may be some time old; the host
 * says how old.
 */
export interface ThreadScheduling {
  readonly priority: Priority;
  /**
   * Schedules the thread otherwise, as far as may be: nothing follows when it is gone or not ours to change.
   *
   * @param isLimited - whether no more is given than the client itself may ask for (RLIMIT_NICE, RLIMIT_RTPRIO)
   */
  setPriority(priority: Priority, isLimited: boolean): void;
}

/** One open of a device: the process behind it, its memory, and the way to answer it. */
export interface Client {
  /** The process id of the opener in the driver's pid namespace. */
  readonly pid: number;
  readonly memory: ClientMemory;
  /** The client's descriptors; `null` where none can be taken or installed: transfers are then refused with EPERM. */
  readonly files: ClientFiles | null;
  /** How the thread that opened the device was scheduled then. */
  readonly initialPriority: Priority;
  /** The scheduling of a thread that has just become known to the driver; `null` where that is nobody's business. */
  scheduling(thread: ThreadId): ThreadScheduling | null;
  /** The region for received data as it is now: `null` before the client maps one and after it unmapped it. */
  mapping(): Mapping | null;
  /** This client's process id as `viewer` sees it; 0 when it is not visible there. */
  pidSeenBy(viewer: Client): number;
  /** The user id `euid` of one of this client's threads as `viewer` sees it. */
  euidSeenBy(viewer: Client, euid: number): number;
  /**
   * Ends the ioctl in which `thread` was parked, which `thread.command` names: `errno` is 0 or positive, and for
   * BINDER_WRITE_READ `thread.writeRead` holds the counts to copy back. Called exactly once for each ioctl for which
   * {@link PARKED} was returned.
   *
   * After {@link ClientFiles.install} gave {@link INSTALLING}, it may also be {@link RESTART}.
   */
  answer(thread: Thread, errno: number): void;
  /** A thread that used poll may have become readable. */
  readable(): void;
}

/** Who makes an ioctl. One object may be reused for all calls: the driver copies what it keeps. */
export interface Caller {
  thread: ThreadId;
  /** Effective user id of the calling thread, in the driver's user namespace. */
  euid: number;
  /** The host's name for this ioctl, kept in `thread.request` while the thread is parked. */
  request: number;
  /** Whether O_NONBLOCK is set on the descriptor now. */
  nonBlocking: boolean;
  /**
   * Whether a reply that is taken needs no BR_TRANSACTION_COMPLETE: to read on says as much. An extension of ours, for
   * replies without objects: what is to be told of those comes along with it.
   */
  quietReplies?: boolean;
}

/** A callback that is to come. */
export interface Timer {
  /** It is not to come any more. */
  cancel(): void;
}

/** A transaction that did not go as its sender may think: the fields of the kernel driver's netlink reports. */
export interface TransactionReport {
  /** BR_FAILED_REPLY, BR_DEAD_REPLY, BR_FROZEN_REPLY, BR_ONEWAY_SPAM_SUSPECT or BR_TRANSACTION_PENDING_FROZEN. */
  readonly error: number;
  /** The device's name. */
  readonly context: string;
  readonly fromPid: number;
  readonly fromTid: number;
  /** 0 where it was not clear who was to receive it. */
  readonly toPid: number;
  /** 0 unless a certain thread was to receive it. */
  readonly toTid: number;
  readonly isReply: boolean;
  readonly flags: number;
  readonly code: number;
  /** As the sender gave it, cut to 32 bits. */
  readonly dataSize: number;
}

/**
 * Who may do what: the decisions that a Linux security module makes for the kernel driver (its four binder hooks). What
 * is refused fails with EPERM.
 *
 * Clients are judged as they were when they opened the device, not as their threads are now.
 */
export interface SecurityPolicy {
  /** Whether `client` may become the context manager of its device. */
  mayManage(client: Client): boolean;
  /** Whether `from` may call an object of `to`. Not asked for replies. */
  mayCall(from: Client, to: Client): boolean;
  /** Whether `from` may give `to` an object, in a call or a reply. */
  mayTransferBinder(from: Client, to: Client): boolean;
  /** Whether `from` may give `to` an open file, in a call or a reply. */
  mayTransferFile(from: Client, to: Client): boolean;
}

/** What the driver needs once, whatever the number of clients. */
export interface Host {
  /**
   * Memory for the driver's own pages, for copies on their way between clients. A transaction for which there is none
   * fails with ENOMEM.
   */
  readonly memory: PageMemory;
  /**
   * The security label of `client`'s process, for receivers that ask for it; `null` refuses the call, as a kernel
   * without a security module does.
   */
  securityLabel(client: Client): string | null;
  /** Milliseconds on a clock that never goes back, for how old transactions are. */
  now(): number;
  /** Scheduling policies count, as in Android's kernels, and not only nice values, as in Linux. */
  readonly androidScheduling: boolean;
  /** Who may do what as of now; `null` allows everything, as a kernel without a security module does. */
  readonly policy: SecurityPolicy | null;
  /** Calls back once, from outside of any call of the driver, after so many milliseconds. */
  startTimer(milliseconds: number, callback: () => void): Timer;
  /** A client broke a rule of the protocol; `message` says who and what. Never called on the way of a correct call. */
  userError(message: string): void;
}

/** Returned by an ioctl in place of an errno: the caller's thread sleeps until {@link Client.answer}. */
export const PARKED = -1;

/** Given to {@link Client.answer} in place of an errno: the thread found nothing to read, and was let out of its sleep for
 * an installation that failed. The host copies the counts back and lets it make the same ioctl again, without its user
 * space noticing. */
export const RESTART = -2;

/** Returned by {@link ClientFiles.install}: the outcome will come later. */
export const INSTALLING = -3;
