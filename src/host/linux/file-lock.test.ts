import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileLock } from './file-lock.ts';

describe.skipIf(process.platform !== 'linux')('FileLock', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ubinder-lock-'));
    path = join(directory, 'lock');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is held by one, and leaves nothing', () => {
    const lock = FileLock.take(path);
    expect(lock).not.toBeNull();
    expect(FileLock.take(path)).toBeNull();
    lock?.release();
    lock?.release();
    expect(existsSync(path)).toBe(false);
    const next = FileLock.take(path);
    expect(next).not.toBeNull();
    next?.release();
  });

  it('ends with the process that holds it', async () => {
    // -o: its child does not inherit the lock
    const holder = spawn('flock', ['-o', path, 'cat'], { stdio: 'pipe' });
    const ended = new Promise((done) => holder.once('close', done));
    // cat answers: it was started, so the lock is held
    holder.stdin.write('held');
    await new Promise((done) => holder.stdout.once('data', done));
    expect(FileLock.take(path)).toBeNull();
    holder.kill('SIGKILL');
    holder.stdin.end();
    await ended;
    const lock = FileLock.take(path);
    expect(lock).not.toBeNull();
    lock?.release();
  });

  it('is not another file that has taken its place', () => {
    const lock = FileLock.take(path);
    rmSync(path);
    const other = FileLock.take(path);
    expect(other).not.toBeNull();
    lock?.release();
    expect(existsSync(path)).toBe(true);
    other?.release();
    expect(existsSync(path)).toBe(false);
  });

  it('is taken where a killed holder left the file', () => {
    writeFileSync(path, '12345\n');
    const lock = FileLock.take(path);
    expect(lock).not.toBeNull();
    lock?.release();
  });
});
