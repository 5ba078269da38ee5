/** `ubinder/abi`: linux/android/binder.h and binderfs.h as constants and codecs. */
export * from './binder.ts';
export * from './binderfs.ts';
export * from './commands.ts';
export * from './ioctl-code.ts';
export * from './struct.ts';
export * from './structs.ts';
export * from './u64.ts';
