import type { Driver } from '../../src/driver/driver.ts';
import type { Process } from '../../src/driver/process.ts';
import type { Thread } from '../../src/driver/thread.ts';
import type { WorkList } from '../../src/driver/work.ts';

/** The state of a driver as text: equal for equal states. What only counts or logs is left out. */
export function digest(driver: Driver): string {
  return [...driver.processes].map(processText).join('\n');
}

function processText(process: Process): string {
  const { client, context, isFrozen, maxThreads, requestedThreads, startedThreads, detectsOnewaySpam } =
    process;
  const manager = context.manager?.process === process;
  const lines = [
    [
      'process',
      client.pid,
      isFrozen,
      maxThreads,
      requestedThreads,
      startedThreads,
      detectsOnewaySpam,
      manager,
    ],
    ['todo', listText(process.todo), process.outstanding],
    ['delivered', listText(process.deliveredDeaths), listText(process.deliveredFreezes)],
  ];
  for (const thread of process.threads.values()) lines.push(threadParts(thread));
  for (const node of process.nodes) {
    const { id, internalStrong, localStrong, localWeak, strong, weak, refs, hasAsyncTransaction } = node;
    const told = [strong.isTold, strong.isPending, weak.isTold, weak.isPending];
    lines.push(['node', id, internalStrong, localStrong, localWeak, ...told, refs.size, hasAsyncTransaction]);
    lines.push(['waiting', listText(node.asyncTodo)]);
  }
  for (const ref of process.refs) {
    const { handle, strong, weak, death, freeze, node } = ref;
    lines.push([
      'ref',
      handle,
      node.id,
      node.process === null,
      strong,
      weak,
      String(death?.cookie),
      String(freeze?.cookie),
    ]);
  }
  for (const { id, range, allowUserFree, transaction } of process.buffers())
    lines.push(['buffer', id, range.offset, allowUserFree, transaction !== null]);
  return lines.map((parts) => parts.join(' ')).join('\n');
}

function threadParts(thread: Thread): (string | number | boolean)[] {
  const { id, looper, processTodo, needReturn, returnError, replyError, isParked } = thread;
  const stack = [];
  for (let call = thread.stack; call; call = call.toThread === thread ? call.toParent : call.fromParent)
    stack.push(call.id, call.from !== null);
  const errors = [returnError.isPending, replyError.isPending];
  return [
    'thread',
    id,
    looper,
    processTodo,
    needReturn,
    isParked,
    ...errors,
    listText(thread.todo),
    stack.join(),
  ];
}

function listText(list: WorkList): string {
  return [...list].map((item) => `${item.constructor.name}${'id' in item ? item.id : ''}`).join();
}
