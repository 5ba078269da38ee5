// The Binder driver that the programs meet on: a mount of ours, or the kernel's own where UBINDER_DRIVER names its device,
// as test/kernel does in the emulated machine.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../support/cli.ts';
import { kernelCounts, LOGS } from '../support/kernel-driver.ts';
import { TestMount, whyNot } from '../support/mount.ts';
import type { DriverCounts } from '../support/mount-world.ts';

/** A device of the kernel's own driver; `undefined` on a mount of ours. */
export const kernelDevice: string | undefined = process.env.UBINDER_DRIVER;

/** Why there is no driver for the programs here, or `null`. */
export const whyNoDriver: string | null = kernelDevice === undefined ? whyNot('root') : null;

export interface Driver extends AsyncDisposable {
  /** The path of `/dev/binder` for this process. */
  readonly device: string;
  /** Starts a program that finds the driver where programs look for it. */
  spawn(command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess;
  counts(): Promise<DriverCounts>;
}

/** @param options - `hasManager`: with our service manager; otherwise a program may be it */
export function openDriver(options: { readonly hasManager: boolean }): Promise<Driver> {
  return kernelDevice === undefined ? MountDriver.open(options) : KernelDriver.open(kernelDevice, options);
}

class MountDriver implements Driver {
  readonly device: string;
  readonly #mount: TestMount;

  private constructor(mount: TestMount) {
    this.#mount = mount;
    this.device = mount.device();
  }

  static async open({ hasManager }: { readonly hasManager: boolean }): Promise<MountDriver> {
    return new MountDriver(await TestMount.start('root', { seconds: 600, hasManager }));
  }

  spawn(command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const enter = fileURLToPath(new URL('enter.sh', import.meta.url));
    return this.#mount.spawn([enter, this.#mount.directory, ...command], { env });
  }

  async counts(): Promise<DriverCounts> {
    const { processes, nodes, refs, deaths, transactions, buffers } = await this.#mount.status();
    return { processes, nodes, refs, deaths, transactions, buffers };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#mount.stop();
  }
}

class KernelDriver implements Driver {
  readonly device: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(device: string) {
    this.device = device;
  }

  static async open(device: string, { hasManager }: { readonly hasManager: boolean }): Promise<KernelDriver> {
    const driver = new KernelDriver(device);
    if (!hasManager) return driver;
    const manager = driver.spawn([process.execPath, MAIN, 'servicemanager', device], process.env);
    let text = '';
    await new Promise<void>((ready, fail) => {
      for (const stream of [manager.stdout, manager.stderr])
        stream?.on('data', (chunk: Buffer) => {
          text += chunk;
          if (text.includes('ubinder servicemanager ready:')) ready();
        });
      manager.once('close', (code) => fail(new Error(`The service manager ended with ${code}: ${text}`)));
    });
    return driver;
  }

  spawn([program, ...args]: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = spawn(program as string, args, { env });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  counts(): Promise<DriverCounts> {
    return Promise.resolve(kernelCounts(readFileSync(`${LOGS}/stats`, 'utf8')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#children].map((child) => new Promise((done) => child.once('close', done)));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(ends);
  }
}
