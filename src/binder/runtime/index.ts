/**
 * Binder objects in TypeScript: interfaces, references, calls. No Node.js in it: it runs in browsers.
 *
 * @module
 */
export * from '../parcel/index.ts';
export {
  asBinder,
  type Call,
  type CallOptions,
  deathOf,
  dup,
  type IBinder,
  linkToDeath,
  linkToFrozenState,
  type Ref,
  release,
} from './binder.ts';
export { type CallContext, callingIdentity, detached, setCallContext } from './call-context.ts';
export { Connection, type ConnectionOptions } from './connection.ts';
export type { CallMessage, ConnectionMessage, DeathMessage, ServeMessage } from './diagnostics.ts';
export type { Awaitable, Signal } from './globals.ts';
export {
  defineInterface,
  type HandlersOf,
  type ImplementOptions,
  type InterfaceType,
  localOf,
  transactSync,
} from './interface.ts';
export type { ArgumentSpec, InterfaceTable, MethodTable, PermissionSpec } from './interface-table.ts';
export {
  type Attachment,
  type BinderThread,
  type Carrier,
  type CarrierFiles,
  Commands,
  type LoopThread,
  type ThreadEvents,
  type TurnBudget,
} from './seam.ts';
export {
  debugPid,
  descriptorOf,
  dump,
  extensionOf,
  interfaceHash,
  interfaceVersion,
  ping,
  shellCommand,
} from './standard-calls.ts';
