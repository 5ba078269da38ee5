// Objects for the wire tests: what is sent where a value needs one.

import type { FileDescriptor } from 'ubinder/runtime';
import { Choice } from './generated/ubinder/wire/Choice.ts';
import { Flat } from './generated/ubinder/wire/Flat.ts';
import { ICallback } from './generated/ubinder/wire/ICallback.ts';
import { Outer } from './generated/ubinder/wire/Outer.ts';
import type { Objects } from './values.ts';

/** A file of a process that exists only here: all that is known of it is its name. */
class NamedFile implements FileDescriptor {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  dup(): NamedFile {
    return new NamedFile(this.name);
  }

  [Symbol.dispose](): void {}
}

/** @param tell - hears what the callbacks are told */
export function wireObjects(tell: (text: string) => void = () => {}): Objects {
  const callbacks = [1, 2].map(() => ICallback.implement({ twice: (value) => 2 * value, tell }));
  const inside = Outer.IInside.implement({ flip: (mode) => 1 - mode });
  return {
    binders: [...callbacks, inside],
    interfaces: new Map<string, readonly object[]>([
      [ICallback.descriptor, callbacks],
      [Outer.IInside.descriptor, [inside]],
    ]),
    files: [new NamedFile('a'), new NamedFile('b')],
    nameOfFile: (file) => (file as NamedFile).name,
    held: [Flat, Choice] as never,
  };
}
