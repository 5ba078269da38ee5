import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile, hasProgram } from '../linux/partner.test-support.ts';
import * as protocol from './protocol.ts';
import { opcodeName, readNumber64, writeNumber64 } from './protocol.ts';

/** Our table for each struct of the header. */
const STRUCTS: Record<string, Record<string, number>> = {
  fuse_in_header: protocol.IN_HEADER,
  fuse_out_header: protocol.OUT_HEADER,
  fuse_init_in: protocol.INIT_IN,
  fuse_init_out: protocol.INIT_OUT,
  fuse_attr: protocol.ATTR,
  fuse_entry_out: protocol.ENTRY_OUT,
  fuse_attr_out: protocol.ATTR_OUT,
  fuse_forget_in: protocol.FORGET_IN,
  fuse_batch_forget_in: protocol.BATCH_FORGET_IN,
  fuse_forget_one: protocol.FORGET_ONE,
  fuse_getattr_in: protocol.GETATTR_IN,
  fuse_setattr_in: protocol.SETATTR_IN,
  fuse_mknod_in: protocol.MKNOD_IN,
  fuse_mkdir_in: protocol.MKDIR_IN,
  fuse_rename_in: protocol.RENAME_IN,
  fuse_rename2_in: protocol.RENAME2_IN,
  fuse_link_in: protocol.LINK_IN,
  fuse_open_in: protocol.OPEN_IN,
  fuse_create_in: protocol.CREATE_IN,
  fuse_open_out: protocol.OPEN_OUT,
  fuse_release_in: protocol.RELEASE_IN,
  fuse_flush_in: protocol.FLUSH_IN,
  fuse_fsync_in: protocol.FSYNC_IN,
  fuse_read_in: protocol.READ_IN,
  fuse_write_in: protocol.WRITE_IN,
  fuse_write_out: protocol.WRITE_OUT,
  fuse_statfs_out: protocol.STATFS_OUT,
  fuse_getxattr_in: protocol.GETXATTR_IN,
  fuse_getxattr_out: protocol.GETXATTR_OUT,
  fuse_access_in: protocol.ACCESS_IN,
  fuse_interrupt_in: protocol.INTERRUPT_IN,
  fuse_ioctl_in: protocol.IOCTL_IN,
  fuse_ioctl_out: protocol.IOCTL_OUT,
  fuse_poll_in: protocol.POLL_IN,
  fuse_poll_out: protocol.POLL_OUT,
  fuse_fallocate_in: protocol.FALLOCATE_IN,
  fuse_lseek_in: protocol.LSEEK_IN,
  fuse_lseek_out: protocol.LSEEK_OUT,
  fuse_dirent: protocol.DIRENT,
  fuse_notify_poll_wakeup_out: protocol.NOTIFY_POLL_OUT,
  fuse_notify_inval_inode_out: protocol.NOTIFY_INVAL_INODE_OUT,
  fuse_notify_inval_entry_out: protocol.NOTIFY_INVAL_ENTRY_OUT,
  fuse_notify_store_out: protocol.NOTIFY_STORE_OUT,
};

/** Members under another name in C, or in headers older than 7.40. */
const C_MEMBER: Record<string, string> = {
  'fuse_open_out.backing_id': 'padding',
  'fuse_init_out.max_stack_depth': 'unused',
};
for (const member of ['blocks', 'bfree', 'bavail', 'files', 'ffree', 'bsize', 'namelen', 'frsize'])
  C_MEMBER[`fuse_statfs_out.${member}`] = `st.${member}`;

/** Numbers that older headers lack: compared where the macro is defined. */
const MACROS: Record<string, number> = {
  FUSE_KERNEL_VERSION: protocol.FUSE_MAJOR,
  FUSE_ROOT_ID: protocol.ROOT_NODE,
  FUSE_MIN_READ_BUFFER: protocol.MIN_READ_BUFFER,
  FUSE_COMPAT_SETXATTR_IN_SIZE: protocol.SETXATTR_IN.byteLength,
  FUSE_GETATTR_FH: protocol.GETATTR_FH,
  FUSE_POLL_SCHEDULE_NOTIFY: protocol.POLL_SCHEDULE_NOTIFY,
  FUSE_FSYNC_FDATASYNC: protocol.FSYNC_FDATASYNC,
  FUSE_DEV_IOC_CLONE: protocol.DEVICE_IOCTL.CLONE,
  FUSE_DEV_IOC_BACKING_OPEN: protocol.DEVICE_IOCTL.BACKING_OPEN,
  FUSE_DEV_IOC_BACKING_CLOSE: protocol.DEVICE_IOCTL.BACKING_CLOSE,
  FUSE_IOCTL_COMPAT: protocol.IOCTL_FLAG.COMPAT,
  FUSE_IOCTL_32BIT: protocol.IOCTL_FLAG.IS_32BIT,
  FUSE_IOCTL_DIR: protocol.IOCTL_FLAG.DIRECTORY,
};
for (const [name, bit] of Object.entries(protocol.INIT_FLAG)) MACROS[`FUSE_${name}`] = bit;
for (const [name, bit] of Object.entries(protocol.INIT_FLAG2)) MACROS[`FUSE_${name}`] = bit * 2 ** 32;
for (const [name, bit] of Object.entries(protocol.OPEN_REPLY_FLAG)) MACROS[`FOPEN_${name}`] = bit;
for (const [name, bit] of Object.entries(protocol.SETATTR_VALID)) MACROS[`FATTR_${name}`] = bit;

const ENUMS: Record<string, number> = {};
for (const [name, value] of Object.entries(protocol.OPCODE)) ENUMS[`FUSE_${name}`] = value;
for (const [name, value] of Object.entries(protocol.NOTIFY)) ENUMS[`FUSE_NOTIFY_${name}`] = value;

const HEADER = '/usr/include/linux/fuse.h';
const hasCompiler = existsSync(HEADER) && hasProgram('gcc', '--version');
if (!existsSync(HEADER)) console.warn(`SKIPPED: layouts of FUSE, because there is no ${HEADER}`);

describe.skipIf(!hasCompiler)('the tables against linux/fuse.h', () => {
  it('agree on every size, offset and number', () => {
    const expected: string[] = [];
    const lines: string[] = [];
    const print = (label: string, value: number, expression: string): void => {
      expected.push(`${label} ${value}`);
      lines.push(`printf("${label} %llu\\n", (unsigned long long)(${expression}));`);
    };
    for (const [name, table] of Object.entries(STRUCTS)) {
      for (const [member, offset] of Object.entries(table)) {
        const path = C_MEMBER[`${name}.${member}`] ?? member;
        if (member === 'byteLength') print(name, offset, `sizeof(struct ${name})`);
        else print(`${name}.${member}`, offset, `offsetof(struct ${name}, ${path})`);
      }
    }
    for (const [name, value] of Object.entries(ENUMS)) print(name, value, name);
    for (const [name, value] of Object.entries(MACROS)) {
      expected.push(`${name} ${value}`);
      lines.push(`#ifdef ${name}`, `printf("${name} %llu\\n", (unsigned long long)(${name}));`, '#else');
      lines.push(`printf("${name} absent\\n");`, '#endif');
    }
    using program = compile(
      `#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <sys/ioctl.h>\n#include <linux/fuse.h>\nint main(void) {\n${lines.join('\n')}\nreturn 0;\n}\n`,
    );
    const printed = execFileSync(program.path, { encoding: 'utf8' }).trimEnd().split('\n');
    const absent = printed.filter((line) => line.endsWith(' absent')).map((line) => line.split(' ')[0]);
    if (absent.length > 0) console.warn(`NOT COMPARED: this ${HEADER} lacks ${absent.join(', ')}`);
    const compared = expected.filter((line) => !absent.includes(line.split(' ')[0]));
    expect(printed.filter((line) => !line.endsWith(' absent'))).toEqual(compared);
    expect(compared.length).toBeGreaterThan(200);
  });
});

describe('64-bit fields', () => {
  it.each([0, 1, 0xffff_ffff, 0x1_0000_0000, 2 ** 47 - 1, Number.MAX_SAFE_INTEGER])('carry %d', (value) => {
    const view = new DataView(new ArrayBuffer(8));
    writeNumber64(view, 0, value);
    expect(view.getBigUint64(0, true)).toBe(BigInt(value));
    expect(readNumber64(view, 0)).toBe(value);
  });
});

it('names opcodes', () => {
  expect(opcodeName(39)).toBe('IOCTL');
  expect(opcodeName(4096)).toBe('opcode 4096');
});
