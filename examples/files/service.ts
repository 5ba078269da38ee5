// Hands out open files, which readers could not open by themselves, and reads those of others.
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, FileDescriptor } from 'ubinder';
import { ILibrary } from './ILibrary.ts';

const library = ILibrary.implement({
  async open(title) {
    const folder = await mkdtemp(join(tmpdir(), 'library-'));
    const path = join(folder, 'book');
    await writeFile(path, `${title}, a book of one line\n`);
    await using file = await open(path);
    await rm(folder, { recursive: true });
    // A duplicate, which goes with the reply. The file is nowhere any more but in its descriptors.
    return FileDescriptor.from(file);
  },
  async count(text) {
    let count = 0;
    for await (const chunk of text.readable()) count += (chunk as Buffer).length;
    return count;
  },
});

const binder = await connect();
await binder.services.add('library', library);
console.log('serving library');
