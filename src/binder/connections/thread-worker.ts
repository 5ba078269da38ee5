import { workerData } from 'node:worker_threads';
import { EINTR } from '../../abi/errno.ts';
import { ioctlAt } from '../../host/linux/device-file.ts';
import {
  COMMAND,
  DONE,
  ENDING,
  GO,
  LAST,
  RESULT,
  STARTED,
  type ThreadWorkerData,
} from './thread-worker-data.ts';

// A Binder thread of a process, started by `WorkerThread`: it makes the ioctls, sleeps in them, and knows nothing else.

const { fd, argument, words, bell } = workerData as ThreadWorkerData;

try {
  ioctlAt(-1, 0, 0); // which loads koffi
} finally {
  Atomics.store(words, STARTED, 1);
  Atomics.notify(words, STARTED);
}

for (let made = 0; ; ) {
  Atomics.wait(words, GO, made);
  made = Atomics.load(words, GO);
  if (Atomics.load(words, ENDING) !== 0) break;
  let result: number;
  // After a signal it goes on where it was: the driver has written into the argument how far it came.
  do result = ioctlAt(fd, Atomics.load(words, COMMAND) >>> 0, argument);
  while (result === EINTR && Atomics.load(words, ENDING) === 0);
  Atomics.store(words, RESULT, result);
  Atomics.store(words, DONE, made);
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
  if (made === Atomics.load(words, LAST)) break;
}
