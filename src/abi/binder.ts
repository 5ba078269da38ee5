/** The numbers of linux/android/binder.h, protocol version 8, by their C names. Nothing here decides anything. */

/** What BINDER_VERSION answers. */
export const BINDER_CURRENT_PROTOCOL_VERSION = 8;

// ioctls on a device
/** Carries out commands, then reads others: struct binder_write_read. */
export const BINDER_WRITE_READ = 0xc0306201;
/** Defined, and known to no driver. */
export const BINDER_SET_IDLE_TIMEOUT = 0x40086203;
/** How many threads the driver may ask for. */
export const BINDER_SET_MAX_THREADS = 0x40046205;
/** Defined, and known to no driver. */
export const BINDER_SET_IDLE_PRIORITY = 0x40046206;
/** The process becomes the context manager. */
export const BINDER_SET_CONTEXT_MGR = 0x40046207;
/** The thread leaves the driver. */
export const BINDER_THREAD_EXIT = 0x40046208;
/** The version of the protocol: struct binder_version. */
export const BINDER_VERSION = 0xc0046209;
/** The node that follows a pointer: struct binder_node_debug_info. */
export const BINDER_GET_NODE_DEBUG_INFO = 0xc018620b;
/** The counts of a node by handle, for the context manager: struct binder_node_info_for_ref. */
export const BINDER_GET_NODE_INFO_FOR_REF = 0xc018620c;
/** The process becomes the context manager with an object: struct flat_binder_object. */
export const BINDER_SET_CONTEXT_MGR_EXT = 0x4018620d;
/** Freezes a process, or thaws it: struct binder_freeze_info. */
export const BINDER_FREEZE = 0x400c620e;
/** What a frozen process received: struct binder_frozen_status_info. */
export const BINDER_GET_FROZEN_INFO = 0xc00c620f;
/** Whether senders of too many oneway calls are told. */
export const BINDER_ENABLE_ONEWAY_SPAM_DETECTION = 0x40046210;
/** Why the thread's last command failed: struct binder_extended_error. */
export const BINDER_GET_EXTENDED_ERROR = 0xc00c6211;

// commands in a write buffer
/** A call. */
export const BC_TRANSACTION = 0x40406300;
/** The reply to the call that the thread serves. */
export const BC_REPLY = 0x40406301;
/** Not implemented by any driver. */
export const BC_ACQUIRE_RESULT = 0x40046302;
/** What arrived was read. */
export const BC_FREE_BUFFER = 0x40086303;
/** One weak count more on a handle. */
export const BC_INCREFS = 0x40046304;
/** One strong count more on a handle. */
export const BC_ACQUIRE = 0x40046305;
/** One strong count less on a handle. */
export const BC_RELEASE = 0x40046306;
/** One weak count less on a handle. */
export const BC_DECREFS = 0x40046307;
/** Answers BR_INCREFS. */
export const BC_INCREFS_DONE = 0x40106308;
/** Answers BR_ACQUIRE. */
export const BC_ACQUIRE_DONE = 0x40106309;
/** Not implemented by any driver. */
export const BC_ATTEMPT_ACQUIRE = 0x4008630a;
/** The thread serves, as BR_SPAWN_LOOPER asked. */
export const BC_REGISTER_LOOPER = 0x0000630b;
/** The thread serves by its own decision. */
export const BC_ENTER_LOOPER = 0x0000630c;
/** The thread serves no more. */
export const BC_EXIT_LOOPER = 0x0000630d;
/** Asks to be told when a handle's process is gone. */
export const BC_REQUEST_DEATH_NOTIFICATION = 0x400c630e;
/** Takes that back. */
export const BC_CLEAR_DEATH_NOTIFICATION = 0x400c630f;
/** Answers BR_DEAD_BINDER. */
export const BC_DEAD_BINDER_DONE = 0x40086310;
/** A call with buffers outside of its data. */
export const BC_TRANSACTION_SG = 0x40486311;
/** A reply with buffers outside of its data. */
export const BC_REPLY_SG = 0x40486312;
/** Asks to be told when a handle's process is frozen or thawed. */
export const BC_REQUEST_FREEZE_NOTIFICATION = 0x400c6313;
/** Takes that back. */
export const BC_CLEAR_FREEZE_NOTIFICATION = 0x400c6314;
/** Answers BR_FROZEN_BINDER. */
export const BC_FREEZE_NOTIFICATION_DONE = 0x40086315;

// commands in a read buffer
/** An errno of the driver. */
export const BR_ERROR = 0x80047200;
/** Nothing went wrong. */
export const BR_OK = 0x00007201;
/** A call to an object of this process. */
export const BR_TRANSACTION = 0x80407202;
/** Same number as BR_TRANSACTION, another size: the statistics count them together. */
export const BR_TRANSACTION_SEC_CTX = 0x80487202;
/** The reply to the thread's call. */
export const BR_REPLY = 0x80407203;
/** Not sent by any driver. */
export const BR_ACQUIRE_RESULT = 0x80047204;
/** The target of the command is gone. */
export const BR_DEAD_REPLY = 0x00007205;
/** What was sent has been taken. */
export const BR_TRANSACTION_COMPLETE = 0x00007206;
/** Others begin to count weakly on an object of this process. */
export const BR_INCREFS = 0x80107207;
/** Others begin to count strongly on an object of this process. */
export const BR_ACQUIRE = 0x80107208;
/** Nobody counts strongly on an object of this process any more. */
export const BR_RELEASE = 0x80107209;
/** Nobody counts weakly on an object of this process any more. */
export const BR_DECREFS = 0x8010720a;
/** Not sent by any driver. */
export const BR_ATTEMPT_ACQUIRE = 0x8018720b;
/** Nothing: each read begins with it. */
export const BR_NOOP = 0x0000720c;
/** The driver wants another thread that serves. */
export const BR_SPAWN_LOOPER = 0x0000720d;
/** Not sent by any driver. */
export const BR_FINISHED = 0x0000720e;
/** A handle's process is gone. */
export const BR_DEAD_BINDER = 0x8008720f;
/** Answers BC_CLEAR_DEATH_NOTIFICATION. */
export const BR_CLEAR_DEATH_NOTIFICATION_DONE = 0x80087210;
/** The command was refused. */
export const BR_FAILED_REPLY = 0x00007211;
/** The target's process is frozen. */
export const BR_FROZEN_REPLY = 0x00007212;
/** BR_TRANSACTION_COMPLETE to one who sends too many oneway calls. */
export const BR_ONEWAY_SPAM_SUSPECT = 0x00007213;
/** BR_TRANSACTION_COMPLETE of a oneway call that waits until its target is thawed. */
export const BR_TRANSACTION_PENDING_FROZEN = 0x00007214;
/** A handle's process was frozen or thawed. */
export const BR_FROZEN_BINDER = 0x80107215;
/** Answers BC_CLEAR_FREEZE_NOTIFICATION. */
export const BR_CLEAR_FREEZE_NOTIFICATION_DONE = 0x80087216;

// object types inside transaction data: three letters and B_TYPE_LARGE (0x85)
/** An object of the sender. */
export const BINDER_TYPE_BINDER = 0x73622a85;
/** An object of the sender, weakly. */
export const BINDER_TYPE_WEAK_BINDER = 0x77622a85;
/** Another process's object, by handle. */
export const BINDER_TYPE_HANDLE = 0x73682a85;
/** Another process's object, by handle, weakly. */
export const BINDER_TYPE_WEAK_HANDLE = 0x77682a85;
/** A file descriptor. */
export const BINDER_TYPE_FD = 0x66642a85;
/** An array of file descriptors inside a buffer. */
export const BINDER_TYPE_FDA = 0x66646185;
/** A buffer outside of the data. */
export const BINDER_TYPE_PTR = 0x70742a85;

// flat_binder_object.flags
/** The least priority with which the object is served. */
export const FLAT_BINDER_FLAG_PRIORITY_MASK = 0xff;
/** Calls to the object may carry file descriptors. */
export const FLAT_BINDER_FLAG_ACCEPTS_FDS = 0x100;
/** Calls to the object carry the caller's security label. */
export const FLAT_BINDER_FLAG_TXN_SECURITY_CTX = 0x1000;
/** The policy of the priority in the lowest byte; Android's kernels only. */
export const FLAT_BINDER_FLAG_SCHED_POLICY_MASK = 0x600;
/** Where in the flags the policy of the priority begins. */
export const FLAT_BINDER_FLAG_SCHED_POLICY_SHIFT = 9;
/** Real-time callers are served in real time; Android's kernels only. */
export const FLAT_BINDER_FLAG_INHERIT_RT = 0x800;

// binder_buffer_object.flags
/** Another buffer points to this one. */
export const BINDER_BUFFER_FLAG_HAS_PARENT = 0x01;

// binder_transaction_data.flags
/** No reply is wanted. */
export const TF_ONE_WAY = 0x01;
/** Without meaning to any driver. */
export const TF_ROOT_OBJECT = 0x04;
/** The reply is a status, not data. */
export const TF_STATUS_CODE = 0x08;
/** The reply may carry file descriptors. */
export const TF_ACCEPT_FDS = 0x10;
/** The buffer is overwritten when it was read. */
export const TF_CLEAR_BUF = 0x20;
/** Replaces the same call where it waits for a frozen process. */
export const TF_UPDATE_TXN = 0x40;
