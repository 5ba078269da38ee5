/**
 * A Binder device and the processes that use it, as a scenario sees them: the driver in this process, a device that
 * the daemon serves, or a kernel's own. Everything is asynchronous, and nothing is asked for that a process could not
 * do by system calls.
 */
export interface World {
  /** What this world can do beyond opening and ioctls. Scenarios that need more are skipped, by name. */
  readonly abilities: ReadonlySet<Ability>;
  /** A new open of the device. */
  open(options: OpenOptions): Promise<Peer>;
  /** Resolves when every ioctl under way either was answered or sleeps in the driver. */
  settle(): Promise<void>;
  /** What the driver writes about itself in its log of this name (needs the ability `logs`). */
  log(name: string): Promise<string>;
  /** Closes what is still open, and checks that the driver kept nothing. */
  close(): Promise<void>;
}

/** Things a device's host may hide or a test may not be allowed to do. */
export type Ability =
  /** A signal ends a sleeping ioctl. */
  | 'interrupt'
  /** Taking the mapping away. */
  | 'unmap'
  /** Processes of several users. */
  | 'users'
  /** The sender's security label reaches receivers that ask for it. */
  | 'labels'
  /** File descriptors travel in transactions. */
  | 'descriptors'
  /** The driver's logs can be read. */
  | 'logs';

/** How a process opens the device. */
export interface OpenOptions {
  /** Opens with the same name are made by the same process, those with different names by different ones. */
  readonly process: string;
  /** Bytes to map for received data, or `false` for no mapping. */
  readonly map?: number | false;
  /** O_NONBLOCK on the descriptor. */
  readonly nonBlocking?: boolean;
  /** Effective user id of the process. The first open of a process decides. */
  readonly euid?: number;
}

/** Bytes that a {@link Peer} maps when a scenario does not care. */
export const DEFAULT_MAP = 64 * 1024;

/** One open of the device: what a process holds, with the memory of that process. */
export interface Peer {
  readonly pid: number;
  /** Address of the mapping; 0 without one. */
  readonly mapping: number;
  /** A thread of the process, made if it is new. Threads of one process have the same name in all its opens. */
  thread(name: string): Promise<PeerThread>;
  /** Copies bytes to the process's memory. @returns their address. */
  place(bytes: Uint8Array): Promise<number>;
  /** The same, such that an access to the byte after the last one faults. Only the latest placement is valid. */
  placeBeforeHole(bytes: Uint8Array): Promise<number>;
  /** A copy of `length` bytes of the process's memory. */
  received(address: number, length: number): Promise<Uint8Array>;
  /** Opens a file for reading and writing with this content, as a descriptor of the process. */
  openFile(content: string): Promise<number>;
  /** What is behind a descriptor that came out of {@link openFile}, here or elsewhere; `null` when it is not open. */
  fileContent(fd: number): Promise<string | null>;
  /** Whether a descriptor is closed by execve(2). */
  closesOnExec(fd: number): Promise<boolean>;
  closeFile(fd: number): Promise<void>;
  /** The descriptors of the process for files that came out of {@link openFile}, here or elsewhere. */
  files(): Promise<number[]>;
  /** Lets the process open so many more descriptors at most, or as many as it likes. */
  limitFiles(count: number | null): Promise<void>;
  /** Takes the mapping away, or what lies behind its first `keep` bytes (needs the ability `unmap`). */
  unmap(keep?: number): Promise<void>;
  /** Duplicates the descriptor and closes the duplicate: the open goes on, but its threads are told. */
  closeDuplicate(): Promise<void>;
  /** Closes the last descriptor. Resolves when the driver has dealt with it. */
  close(): Promise<void>;
  /** Kills the process, wherever its threads are. This must be its only open. Resolves as {@link close} does. */
  kill(): Promise<void>;
}

/** A thread of a process, using one open of the device. It makes one ioctl at a time. */
export interface PeerThread {
  /** Makes an ioctl; `argument` is changed as the driver changes it. Resolves to 0 or a positive errno. */
  ioctl(command: number, argument: Uint8Array): Promise<number>;
  /** poll(2) without waiting: whether the device says that this thread can read. */
  poll(): Promise<boolean>;
  /** Sends a signal with a handler that does nothing (needs the ability `interrupt`). */
  interrupt(): Promise<void>;
}
