import { describe, expect, it } from 'vitest';
import { candidates, checkCommand, ignoredSignals, rawArguments, splitArguments } from './exec.ts';

describe('ignoredSignals', () => {
  it('reads the mask, lowest signal first', () => {
    expect(ignoredSignals('SigBlk:\t0000000000000000\nSigIgn:\t0000000001001000\n')).toEqual([13, 25]);
    expect(ignoredSignals('SigIgn:\t8000000000000001\n')).toEqual([1, 64]);
  });

  it('finds none where the line is missing', () => {
    expect(ignoredSignals('Name:\tnode\n')).toEqual([]);
  });
});

describe('splitArguments', () => {
  it('keeps bytes, empty arguments and the last one', () => {
    const cmdline = Buffer.from([0x61, 0, 0, 0xff, 0xfe, 0]);
    expect(splitArguments(cmdline)).toEqual([Buffer.from('a'), Buffer.alloc(0), Buffer.from([0xff, 0xfe])]);
  });

  it('of nothing is nothing', () => {
    expect(splitArguments(Buffer.alloc(0))).toEqual([]);
  });
});

describe('rawArguments', () => {
  it("encodes arguments that are not the process's own", () => {
    expect(rawArguments(['never', 'giv\u00e9n'])).toEqual([Buffer.from('never'), Buffer.from('giv\u00e9n')]);
  });
});

describe('candidates', () => {
  it.each([
    ['ls', '/a:/b', ['/a/ls', '/b/ls']],
    ['ls', ':/b', ['./ls', '/b/ls']],
    ['./ls', '/a', ['./ls']],
    ['/bin/ls', '/a', ['/bin/ls']],
  ])('%s in %s', (command, path, expected) => {
    expect(candidates(command, path)).toEqual(expected);
  });
});

describe('checkCommand', () => {
  const failure = (command: string, path?: string): unknown => {
    try {
      checkCommand(command, path);
      return undefined;
    } catch (error) {
      return error;
    }
  };

  it('passes what can be executed', () => {
    expect(failure(process.execPath)).toBeUndefined();
    expect(failure('sh')).toBeUndefined();
  });

  it('says 127 for what is not there', () => {
    expect(failure('no-such-command')).toMatchObject({
      exitCode: 127,
      message: 'Cannot find the command "no-such-command": give a path, or a name that is in $PATH',
    });
    expect(failure('sh', '/nowhere')).toMatchObject({ exitCode: 127 });
  });

  it('says 126 for what is there and is no program', () => {
    expect(failure('/')).toMatchObject({ exitCode: 126 });
    expect(failure(new URL(import.meta.url).pathname)).toMatchObject({ exitCode: 126 });
  });
});
