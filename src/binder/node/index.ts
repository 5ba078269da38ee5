/**
 * Binder objects in TypeScript, on Binder devices: the package's front door, for Node.js on Linux.
 *
 * @module
 */
export { FileDescriptor } from '../connections/file-descriptor.ts';
export * from '../runtime/index.ts';
export { type AddOptions, DUMP_PRIORITY, Services } from '../services/services.ts';
export { type ConnectOptions, connect, DeviceConnection } from './connect.ts';
