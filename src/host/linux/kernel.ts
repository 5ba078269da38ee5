import { release } from 'node:os';

/** The version of the running kernel. */
export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
  /** As `uname -r` says, for example `6.6.87.2-microsoft-standard-WSL2`. */
  readonly release: string;
}

/**
 * Reads a kernel's version from what `uname -r` says.
 *
 * Distributions carry features back, so what a kernel can do is found by trying (capabilities.ts); the version is for
 * telling people.
 *
 * @throws Error when the text does not begin with two numbers.
 *
 * @example
 * kernelVersion('6.1.0-13-amd64').minor; // 1
 */
export function kernelVersion(text: string = release()): KernelVersion {
  const match = /^(\d+)\.(\d+)/.exec(text);
  if (!match)
    throw new Error(`Cannot read the kernel version from ${JSON.stringify(text)}: expected MAJOR.MINOR`);
  return { major: Number(match[1]), minor: Number(match[2]), release: text };
}

/** Whether a kernel is of this version or a later one. */
export function isAtLeast(version: KernelVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
