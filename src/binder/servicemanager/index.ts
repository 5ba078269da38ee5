/**
 * Android's service manager: the context manager that knows services by name.
 *
 * @module
 */
export { ConnectionInfo } from './android/os/ConnectionInfo.ts';
export { IClientCallback } from './android/os/IClientCallback.ts';
export { IServiceCallback } from './android/os/IServiceCallback.ts';
export { IServiceManager } from './android/os/IServiceManager.ts';
export { Service } from './android/os/Service.ts';
export { ServiceDebugInfo } from './android/os/ServiceDebugInfo.ts';
export { ServiceWithMetadata } from './android/os/ServiceWithMetadata.ts';
export { ANDROID_RELEASES, type AndroidRelease, serviceManagerOf } from './codes.ts';
export type { DeclaredService } from './declarations.ts';
export { type ServiceAccess, ServiceManager, type ServiceManagerOptions } from './service-manager.ts';
export { isServiceName } from './service-name.ts';
