import { readlinkSync } from 'node:fs';
import { createArea, type MappedArea } from './area.ts';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_DOMAIN = 39;
const SO_SNDBUF = 7;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const EAGAIN = 11;

/** Descriptors that one message can carry (SCM_MAX_FD). */
export const MAX_FILES = 253;

/** struct msghdr, struct iovec, the message of 4 bytes, and the descriptors, in one area. */
const MSGHDR_SIZE = 56;
const IOVEC_AT = MSGHDR_SIZE;
const DATA_AT = IOVEC_AT + 16;
const CONTROL_AT = DATA_AT + 8;
const CMSG_HEADER = 16;
const CONTROL_SIZE = CMSG_HEADER + 4 * MAX_FILES;

const c = once(() => ({
  socketpair: libc<(domain: number, type: number, protocol: number, pair: Int32Array) => number>(
    'int socketpair(int, int, int, void *)',
  ),
  getsockopt: libc<(fd: number, level: number, name: number, value: Int32Array, size: Int32Array) => number>(
    'int getsockopt(int, int, int, void *, void *)',
  ),
  setsockopt: libc<(fd: number, level: number, name: number, value: Int32Array, size: number) => number>(
    'int setsockopt(int, int, int, void *, uint32_t)',
  ),
  send: libc<(fd: number, address: number, size: number, flags: number) => number>(
    'int64_t send(int, uint64_t, uint64_t, int)',
  ),
  sendmsg: libc<(fd: number, message: number, flags: number) => number>(
    'int64_t sendmsg(int, uint64_t, int)',
  ),
  recvmsg: libc<(fd: number, message: number, flags: number) => number>(
    'int64_t recvmsg(int, uint64_t, int)',
  ),
}));

/** Two connected stream sockets. @throws SystemCallError */
export function socketPair(): [number, number] {
  const pair = new Int32Array(2);
  if (c().socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) === -1) {
    throw new SystemCallError('socketpair', errno());
  }
  return [pair[0] as number, pair[1] as number];
}

/** Makes more room for what was sent and not read, as far as the system allows. */
export function enlargeSendBuffer(fd: number, bytes: number): void {
  c().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, new Int32Array([bytes]), 4);
}

/**
 * Whether a descriptor of another's is a unix stream socket, to which {@link sendSome} never waits for anybody: neither
 * readers nor flags can hold it up. Of pipes that is not true, whose readers may hold their lock for ever.
 */
export function isUnixStream(fd: number): boolean {
  // A path begins with a slash: only sockets are called so.
  if (!readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:[')) return false;
  return option(fd, SO_DOMAIN) === AF_UNIX && option(fd, SO_TYPE) === SOCK_STREAM;
}

function option(fd: number, name: number): number {
  const value = new Int32Array(1);
  return c().getsockopt(fd, SOL_SOCKET, name, value, new Int32Array([4])) === 0 ? (value[0] as number) : -1;
}

/** Sends without waiting. @returns how many bytes went, 0 when there is no room, or -errno */
export function sendSome(fd: number, address: number, size: number): number {
  const sent = c().send(fd, address, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent !== -1) return sent;
  const code = errno();
  return code === EAGAIN ? 0 : -code;
}

const message = once((): MappedArea => createArea(CONTROL_AT + CONTROL_SIZE));

function prepare(controlSize: number): MappedArea {
  const area = message();
  const { view, address, bytes } = area;
  bytes.fill(0, 0, DATA_AT);
  view.setBigUint64(16, BigInt(address + IOVEC_AT), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, BigInt(address + CONTROL_AT), true);
  view.setBigUint64(40, BigInt(controlSize), true);
  view.setBigUint64(IOVEC_AT, BigInt(address + DATA_AT), true);
  view.setBigUint64(IOVEC_AT + 8, 4n, true);
  return area;
}

/** Sends at most {@link MAX_FILES} descriptors and a number, without waiting. @returns 0 or a positive errno */
export function sendFiles(fd: number, number: number, files: readonly number[]): number {
  const length = CMSG_HEADER + 4 * files.length;
  const { view, address } = prepare(length);
  view.setUint32(DATA_AT, number, true);
  view.setBigUint64(CONTROL_AT, BigInt(length), true);
  view.setInt32(CONTROL_AT + 8, SOL_SOCKET, true);
  view.setInt32(CONTROL_AT + 12, SCM_RIGHTS, true);
  files.forEach((file, i) => void view.setInt32(CONTROL_AT + CMSG_HEADER + 4 * i, file, true));
  return c().sendmsg(fd, address, MSG_DONTWAIT | MSG_NOSIGNAL) === 4 ? 0 : errno();
}

/** Receives one such message, whose descriptors are the caller's; `null` when there is none. */
export function receiveFiles(fd: number): { number: number; files: number[] } | null {
  const { view, address } = prepare(CONTROL_SIZE);
  if (c().recvmsg(fd, address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !== 4) return null;
  const files: number[] = [];
  const received = Number(view.getBigUint64(40, true));
  const length = received >= CMSG_HEADER ? Number(view.getBigUint64(CONTROL_AT, true)) : 0;
  for (let at = CMSG_HEADER; at < length; at += 4) files.push(view.getInt32(CONTROL_AT + at, true));
  return { number: view.getUint32(DATA_AT, true), files };
}
