import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as binder from './binder.ts';
import { BC_COMMANDS, BR_COMMANDS, type Command, decodeCommands, encodeCommands } from './commands.ts';
import { IOC_NONE, IOC_READ, IOC_WRITE, iocCode, iocDirection, iocNumber, iocSize } from './ioctl-code.ts';
import { toU64 } from './u64.ts';

const constants = Object.entries(binder) as [string, number][];
const commands = [...BC_COMMANDS.values(), ...BR_COMMANDS.values()];

describe('the command tables', () => {
  test('have every BC and BR constant once', () => {
    const codes = (prefix: string) => constants.filter(([name]) => name.startsWith(prefix));
    expect([...BC_COMMANDS].map(([code, { name }]) => [name, code]).sort()).toEqual(codes('BC_').sort());
    expect([...BR_COMMANDS].map(([code, { name }]) => [name, code]).sort()).toEqual(codes('BR_').sort());
  });

  test.each(commands)('$name says its size and direction itself', ({ name, code, payload }) => {
    expect(iocSize(code)).toBe(payload?.size ?? 0);
    const direction = name.startsWith('BC_') ? IOC_WRITE : IOC_READ;
    expect(iocDirection(code)).toBe(payload ? direction : IOC_NONE);
    expect((code >>> 8) & 0xff).toBe((name.startsWith('BC_') ? 'c' : 'r').charCodeAt(0));
    expect(
      iocCode(iocDirection(code), name.startsWith('BC_') ? 'c' : 'r', iocNumber(code), iocSize(code)),
    ).toBe(code);
  });

  test('number the commands without a gap', () => {
    expect([...BC_COMMANDS.keys()].map(iocNumber)).toEqual(Array.from({ length: 22 }, (_, i) => i));
    expect(new Set([...BR_COMMANDS.keys()].map(iocNumber)).size).toBe(23);
  });
});

/** A command with values for the members of its payload that share no place with others. */
const anyCommand = fc.constantFrom(...commands).chain((command: Command) => {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, field] of Object.entries(command.payload?.fields ?? {})) {
    if (key === 'targetHandle') continue;
    members[key] =
      field.size === 8 ? fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(toU64) : fc.nat(0x7fff_ffff);
  }
  return fc.record(members).map((payload) => ({ command, payload }));
});

describe('a stream of commands', () => {
  test('decodes to what was encoded', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 20 }), (stream) => {
        const bytes = encodeCommands(stream.map(({ command, payload }) => [command.code, payload]));
        const sizes = stream.map(({ command }) => 4 + iocSize(command.code));
        expect(bytes.length).toBe(sizes.reduce((sum, size) => sum + size, 0));
        const expected = stream.map(({ command, payload }) => ({ name: command.name, ...payload }));
        expect(decodeCommands(bytes)).toMatchObject(expected);
      }),
    );
  });

  test('is packed: a cookie may lie at any multiple of 4', () => {
    const bytes = encodeCommands([[binder.BC_REQUEST_DEATH_NOTIFICATION, { handle: 1, cookie: 0x1122 }]]);
    expect([...bytes]).toEqual([0x0e, 0x63, 0x0c, 0x40, 1, 0, 0, 0, 0x22, 0x11, 0, 0, 0, 0, 0, 0]);
  });

  test('is decoded from the middle of a buffer', () => {
    const bytes = encodeCommands([[binder.BR_NOOP], [binder.BR_DEAD_BINDER, { cookie: 7 }]]);
    const around = new Uint8Array(bytes.length + 6);
    around.set(bytes, 3);
    expect(decodeCommands(around.subarray(3, 3 + bytes.length))).toEqual([
      { name: 'BR_NOOP' },
      { name: 'BR_DEAD_BINDER', cookie: 7 },
    ]);
  });

  test('says at which byte it cannot be decoded', () => {
    const bytes = encodeCommands([[binder.BR_NOOP], [binder.BR_DEAD_BINDER, { cookie: 7 }]]);
    expect(() => decodeCommands(bytes.subarray(0, 15))).toThrow(/BR_DEAD_BINDER at byte 4/);
    expect(() => decodeCommands(bytes.subarray(0, 6))).toThrow(/byte 4: 2 of 4 bytes/);
    expect(() => decodeCommands(Uint8Array.of(1, 2, 3, 4))).toThrow(/0x4030201 at byte 0/);
    expect(() => encodeCommands([[0x12345678]])).toThrow(/0x12345678/);
  });
});
