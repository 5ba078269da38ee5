import { closeSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Partner } from './partner.test-support.ts';
import { errorCode, openProc, readOpenProc, readProc, readProcLink } from './proc-file.ts';

describe('readProc', () => {
  it('reads all of a file, however long', () => {
    expect(readProc('/proc/self/comm')).toBe(readFileSync('/proc/self/comm', 'latin1'));
    const kallsyms = readProc('/proc/kallsyms', 1 << 20);
    expect(kallsyms?.length).toBeGreaterThan(100_000);
  });

  it('stops at the limit', () => {
    expect(readProc('/proc/self/status', 10)?.length).toBe(10);
  });

  it('gives null for what is gone', async () => {
    const partner = new Partner('sleep', ['60']);
    const { pid } = partner;
    const fd = openProc(`/proc/${pid}/status`)!;
    expect(readOpenProc(fd)).toMatch(/^Name:\tsleep\n/);
    expect(readOpenProc(fd, 5)).toBe('Name:');
    await partner.stop();
    expect(readOpenProc(fd)).toBeNull();
    closeSync(fd);
    expect(readProc(`/proc/${pid}/status`)).toBeNull();
    expect(openProc(`/proc/${pid}/status`)).toBeNull();
    expect(readProcLink(`/proc/${pid}/exe`)).toBeNull();
  });

  it('throws other errors', () => {
    let code = '';
    try {
      readProc('/proc/self/fd');
    } catch (error) {
      code = errorCode(error);
    }
    expect(code).toBe('EISDIR');
    expect(errorCode(new Error('x'))).toBe('');
    expect(errorCode(undefined)).toBe('');
  });
});
