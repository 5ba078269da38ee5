/**
 * What a process behind a MessagePort and the realm with the driver tell each other. The port keeps messages in order,
 * so what is written takes effect in the order in which it was written, as on a device.
 *
 * ```
 *   client (PortCarrier)                                    driver (PortHost)
 *     ◄──────────────── welcome ──────────────────────────
 *     ── park(thread, commands, attachments) ────────────►    BINDER_WRITE_READ of that thread
 *     ◄──────────────── returned(thread, commands, received)  with copies of the buffers that arrived
 *     ── write(commands, attachments) ───────────────────►    counts, FREE_BUFFER, deaths
 * ```
 */

/** Bytes that a command points to, and where in the commands their address belongs. */
export type Placed = readonly [at: number, bytes: Uint8Array];

/** A buffer that arrived: a copy, with the address it is known by until BC_FREE_BUFFER. */
export type Received = readonly [address: number, bytes: Uint8Array];

export type ToHost =
  | readonly ['park', thread: number, commands: Uint8Array, attachments: readonly Placed[]]
  | readonly ['write', commands: Uint8Array, attachments: readonly Placed[]]
  | readonly ['exit', thread: number]
  | readonly ['ioctl', request: number, command: number, argument: Uint8Array]
  | readonly ['close'];

export type ToClient =
  | readonly ['welcome', identity: { readonly pid: number; readonly uid: number }]
  | readonly ['returned', thread: number, commands: Uint8Array, received: readonly Received[]]
  | readonly ['failed', thread: number, errno: number]
  | readonly ['answered', request: number, errno: number, argument: Uint8Array]
  /** The driver is gone, or will have nothing more to do with this client. */
  | readonly ['closed', why: string];

/** A message as it arrives: an event of its own in Node.js and in browsers. */
export interface PortMessage {
  readonly data: unknown;
}

/** A MessagePort of Node.js or of a browser, or what behaves like one. */
export interface Port {
  /** Sends a message; what is transferred is gone here. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  /** Calls `listener` for each message. */
  // biome-ignore lint/suspicious/noExplicitAny: each platform declares events of its own
  addEventListener(type: string, listener: (event: any) => void): void;
  /** Begins to deliver messages. */
  start?(): void;
  /** Ends it, for both sides. */
  close?(): void;
  /** Node.js: whether the port keeps the process alive. */
  ref?(): void;
  /** The reverse of `ref`. */
  unref?(): void;
}
