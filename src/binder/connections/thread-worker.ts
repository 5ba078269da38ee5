import { workerData } from 'node:worker_threads';
import { BR_NOOP, BR_TRANSACTION_COMPLETE } from '../../abi/binder.ts';
import { EINTR } from '../../abi/errno.ts';
import { ioctlAt } from '../../host/linux/device-file.ts';
import { loadKoffi } from '../../host/linux/libc.ts';
import {
  COMMAND,
  DONE,
  ENDING,
  GO,
  LAST,
  QUIET,
  READ_AT,
  READ_SIZE,
  RESULT,
  STARTED,
  type ThreadWorkerData,
} from './thread-worker-data.ts';

// A Binder thread of a process, started by `WorkerThread`: it makes the ioctls and sleeps in them. All it knows of the protocol
// is the acknowledgement of a reply, with which it does not bother the event loop.

const { fd, argument, words, bell } = workerData as ThreadWorkerData;

function makeIoctl(command: number): number {
  let result: number;
  // After a signal it goes on where it was: the driver has written into the argument how far it came.
  do result = ioctlAt(fd, command, argument);
  while (result === EINTR && Atomics.load(words, ENDING) === 0);
  return result;
}

/** Whether all was written, and all that was read is that the reply was taken. Otherwise nothing is taken back. */
function isAcknowledgement(): boolean {
  if (memory.getUint32(8, true) !== memory.getUint32(0, true)) return false;
  const end = READ_AT + memory.getUint32(32, true);
  let isTaken = false;
  for (let at = READ_AT; at < end; at += 4) {
    const command = memory.getUint32(at, true);
    if (command === BR_TRANSACTION_COMPLETE) isTaken = true;
    else if (command !== BR_NOOP) return false;
  }
  return isTaken;
}

/** Where the driver is to begin reading again. Of what is to be written it knows that all was. */
function forgetRead(): void {
  memory.setUint32(32, 0, true);
}

/** The argument and, if it is BINDER_WRITE_READ's, the read buffer. */
let memory: DataView;
try {
  memory = new DataView(loadKoffi().view(argument, READ_AT + READ_SIZE));
  ioctlAt(-1, 0, 0); // which prepares it
} finally {
  Atomics.store(words, STARTED, 1);
  Atomics.notify(words, STARTED);
}

for (let made = 0; ; ) {
  Atomics.wait(words, GO, made);
  made = Atomics.load(words, GO);
  if (Atomics.load(words, ENDING) !== 0) break;
  const command = Atomics.load(words, COMMAND) >>> 0;
  let result = makeIoctl(command);
  if (result === 0 && Atomics.load(words, QUIET) !== 0 && isAcknowledgement()) {
    forgetRead();
    // Who wants it to end says so before it lets the ioctl return: one of the two is seen.
    if (Atomics.load(words, ENDING) === 0) result = makeIoctl(command);
  }
  Atomics.store(words, RESULT, result);
  Atomics.store(words, DONE, made);
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
  if (made === Atomics.load(words, LAST)) break;
}
