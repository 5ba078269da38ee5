/** How far a thread's read has come. It is kept by the thread, because a read may have to wait for descriptors. */
export class Reading {
  /** Whether the read may take work of the process. */
  forProcess = false;
  /** Bytes of the buffer that were used before the read began. */
  start = 0;
  /** Bytes of the buffer that the client has. */
  flushed = 0;
  /** The thread had something of its own to read. */
  hadTodo = false;
}
