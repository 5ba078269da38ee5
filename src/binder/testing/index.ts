/**
 * For tests of programs that speak Binder: a driver of their own in this process, callers with any identity, and what goes
 * wrong in real life on demand.
 *
 * @module
 */
export { type Act, type DenyRule, TestBinder, type TestBinderOptions, withBinder } from './test-binder.ts';
