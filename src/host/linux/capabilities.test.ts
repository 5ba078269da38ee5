import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { areaBytesInUse } from './area.ts';
import {
  type Probe,
  probeFuseDevice,
  probeInitialAdmin,
  probeKernelBinder,
  probeMapQuery,
  probeMemoryFiles,
  probeProc,
  probeProcessMemory,
  probeRequestTimeouts,
  probeSecurityLabel,
  probeThreadPidfds,
  probeUserNamespaces,
} from './capabilities.ts';
import { isAtLeast, kernelVersion } from './kernel.ts';
import { asUser } from './partner.test-support.ts';

afterEach(() => expect(areaBytesInUse()).toBe(0));

const version = kernelVersion();
const isRoot = process.getuid?.() === 0;

describe('every probe', () => {
  const probes: readonly (() => Probe<unknown> | Promise<Probe<unknown>>)[] = [
    probeProc,
    probeFuseDevice,
    probeInitialAdmin,
    probeMemoryFiles,
    probeMapQuery,
    probeThreadPidfds,
    probeSecurityLabel,
    probeRequestTimeouts,
    probeKernelBinder,
    probeProcessMemory,
    probeUserNamespaces,
  ];
  it.each(probes.map((probe) => ({ name: probe.name, probe })))(
    '$name says a value and why',
    async ({ name, probe }) => {
      const { value, reason } = await probe();
      console.log(`${name}: ${JSON.stringify(value)}, ${reason}`);
      expect(value).not.toBeUndefined();
      expect(reason).toMatch(/\S.*[^.]$/);
    },
  );
});

describe('probes', () => {
  it('agree with the kernel where it must have a feature', () => {
    // Later kernels have them; earlier ones may, by their distribution
    if (isAtLeast(version, 6, 11)) expect(probeMapQuery().value).toBe(true);
    if (isAtLeast(version, 6, 9)) expect(probeThreadPidfds().value).toBe(true);
    expect(probeProc().value).toBe(true);
    expect(probeMemoryFiles().value).toBe(true);
  });

  it('agree with the files they tell about', () => {
    const timeouts = '/proc/sys/fs/fuse/default_request_timeout';
    const { value } = probeRequestTimeouts();
    if (existsSync(timeouts)) expect(value?.default).toBe(Number(readFileSync(timeouts, 'utf8')));
    else expect(value).toBeNull();
    expect(probeKernelBinder().value.hasBinderfs).toBe(
      readFileSync('/proc/filesystems', 'utf8').includes('\tbinder\n'),
    );
  });

  it.skipIf(!isRoot)('see what another user lacks', () => {
    expect(probeInitialAdmin().value).toBe(true);
    asUser(1234, () => {
      expect(probeInitialAdmin()).toMatchObject({
        value: false,
        reason: expect.stringMatching(/run as root/),
      });
      const fuse = probeFuseDevice();
      if (!fuse.value) expect(fuse.reason).toMatch(/EACCES.*chmod 666/);
    });
    expect(probeInitialAdmin().value).toBe(true);
  });
});
