import { s32, struct, u32, u64 } from './struct.ts';

// The structs of linux/android/binder.h, protocol version 8, with the byte offset of each member.

/** The argument of BINDER_WRITE_READ: two buffers, each with its size and how much of it was used. */
export const writeRead = struct('binder_write_read', 48, {
  writeSize: u64('write_size', 0),
  writeConsumed: u64('write_consumed', 8),
  writeBuffer: u64('write_buffer', 16),
  readSize: u64('read_size', 24),
  readConsumed: u64('read_consumed', 32),
  readBuffer: u64('read_buffer', 40),
});

/** The argument of BINDER_VERSION. */
export const version = struct('binder_version', 4, {
  protocolVersion: s32('protocol_version', 0),
});

/** The argument of BINDER_GET_NODE_DEBUG_INFO: `ptr` goes in as a cursor. */
export const nodeDebugInfo = struct('binder_node_debug_info', 24, {
  ptr: u64('ptr', 0),
  cookie: u64('cookie', 8),
  hasStrongRef: u32('has_strong_ref', 16),
  hasWeakRef: u32('has_weak_ref', 20),
});

/** The argument of BINDER_GET_NODE_INFO_FOR_REF. */
export const nodeInfoForRef = struct('binder_node_info_for_ref', 24, {
  handle: u32('handle', 0),
  strongCount: u32('strong_count', 4),
  weakCount: u32('weak_count', 8),
  reserved1: u32('reserved1', 12),
  reserved2: u32('reserved2', 16),
  reserved3: u32('reserved3', 20),
});

/** The argument of BINDER_FREEZE. */
export const freezeInfo = struct('binder_freeze_info', 12, {
  pid: u32('pid', 0),
  enable: u32('enable', 4),
  timeoutMs: u32('timeout_ms', 8),
});

/** The argument of BINDER_GET_FROZEN_INFO. */
export const frozenStatusInfo = struct('binder_frozen_status_info', 12, {
  pid: u32('pid', 0),
  syncRecv: u32('sync_recv', 4),
  asyncRecv: u32('async_recv', 8),
});

/** The argument of BINDER_GET_EXTENDED_ERROR: what went wrong with the thread's last call. */
export const extendedError = struct('binder_extended_error', 12, {
  id: u32('id', 0),
  command: u32('command', 4),
  param: s32('param', 8),
});

/** The payload of BR_FROZEN_BINDER. */
export const frozenStateInfo = struct('binder_frozen_state_info', 16, {
  cookie: u64('cookie', 0),
  isFrozen: u32('is_frozen', 8),
  reserved: u32('reserved', 12),
});

/** A binder or a handle inside transaction data; `binder` and `handle` share their place. */
export const flatBinderObject = struct('flat_binder_object', 24, {
  type: u32('hdr.type', 0),
  flags: u32('flags', 4),
  binder: u64('binder', 8),
  handle: u32('handle', 8),
  cookie: u64('cookie', 16),
});

/** A file descriptor inside transaction data. */
export const fdObject = struct('binder_fd_object', 24, {
  type: u32('hdr.type', 0),
  padFlags: u32('pad_flags', 4),
  padBinder: u64('pad_binder', 8),
  fd: u32('fd', 8),
  cookie: u64('cookie', 16),
});

/** A piece of scatter-gather memory (BINDER_TYPE_PTR). */
export const bufferObject = struct('binder_buffer_object', 40, {
  type: u32('hdr.type', 0),
  flags: u32('flags', 4),
  buffer: u64('buffer', 8),
  length: u64('length', 16),
  parent: u64('parent', 24),
  parentOffset: u64('parent_offset', 32),
});

/** An array of file descriptors inside a scatter-gather buffer. */
export const fdArrayObject = struct('binder_fd_array_object', 32, {
  type: u32('hdr.type', 0),
  pad: u32('pad', 4),
  numFds: u64('num_fds', 8),
  parent: u64('parent', 16),
  parentOffset: u64('parent_offset', 24),
});

/** A call or a reply; `targetHandle` and `targetPtr` share their place: a sender names a handle, a receiver is told its own pointer. */
export const transactionData = struct('binder_transaction_data', 64, {
  targetHandle: u32('target.handle', 0),
  targetPtr: u64('target.ptr', 0),
  cookie: u64('cookie', 8),
  code: u32('code', 16),
  flags: u32('flags', 20),
  senderPid: s32('sender_pid', 24),
  senderEuid: u32('sender_euid', 28),
  dataSize: u64('data_size', 32),
  offsetsSize: u64('offsets_size', 40),
  buffer: u64('data.ptr.buffer', 48),
  offsets: u64('data.ptr.offsets', 56),
});

/** The payload of BR_TRANSACTION_SEC_CTX. */
export const transactionDataSecctx = struct('binder_transaction_data_secctx', 72, {
  targetPtr: u64('transaction_data.target.ptr', 0),
  cookie: u64('transaction_data.cookie', 8),
  code: u32('transaction_data.code', 16),
  flags: u32('transaction_data.flags', 20),
  senderPid: s32('transaction_data.sender_pid', 24),
  senderEuid: u32('transaction_data.sender_euid', 28),
  dataSize: u64('transaction_data.data_size', 32),
  offsetsSize: u64('transaction_data.offsets_size', 40),
  buffer: u64('transaction_data.data.ptr.buffer', 48),
  offsets: u64('transaction_data.data.ptr.offsets', 56),
  secctx: u64('secctx', 64),
});

/** The payload of BC_TRANSACTION_SG and BC_REPLY_SG. */
export const transactionDataSg = struct('binder_transaction_data_sg', 72, {
  targetHandle: u32('transaction_data.target.handle', 0),
  targetPtr: u64('transaction_data.target.ptr', 0),
  cookie: u64('transaction_data.cookie', 8),
  code: u32('transaction_data.code', 16),
  flags: u32('transaction_data.flags', 20),
  senderPid: s32('transaction_data.sender_pid', 24),
  senderEuid: u32('transaction_data.sender_euid', 28),
  dataSize: u64('transaction_data.data_size', 32),
  offsetsSize: u64('transaction_data.offsets_size', 40),
  buffer: u64('transaction_data.data.ptr.buffer', 48),
  offsets: u64('transaction_data.data.ptr.offsets', 56),
  buffersSize: u64('buffers_size', 64),
});

/** A node as its owner knows it. */
export const ptrCookie = struct('binder_ptr_cookie', 16, {
  ptr: u64('ptr', 0),
  cookie: u64('cookie', 8),
});

/** A handle and the cookie of a registration on it; packed, so the cookie starts at byte 4. */
export const handleCookie = struct('binder_handle_cookie', 12, {
  handle: u32('handle', 0),
  cookie: u64('cookie', 4),
});

/** The payload of BC_ATTEMPT_ACQUIRE, which no driver implements. */
export const priDesc = struct('binder_pri_desc', 8, {
  priority: s32('priority', 0),
  desc: u32('desc', 4),
});

/** The payload of BR_ATTEMPT_ACQUIRE, which no driver sends. */
export const priPtrCookie = struct('binder_pri_ptr_cookie', 24, {
  priority: s32('priority', 0),
  ptr: u64('ptr', 8),
  cookie: u64('cookie', 16),
});
