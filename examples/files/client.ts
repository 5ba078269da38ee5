// Reads a file that the service has opened, and has the service read one of its own.
import { open } from 'node:fs/promises';
import { connect, FileDescriptor } from 'ubinder';
import { ILibrary } from './ILibrary.ts';

await using binder = await connect();
using library = await binder.services.get(ILibrary, 'library', { signal: AbortSignal.timeout(20_000) });

using book = await library.open('Binder');
for await (const chunk of book.readable()) process.stdout.write(chunk as Buffer);

await using mine = await open(new URL(import.meta.url));
using text = FileDescriptor.from(mine);
const { size } = await mine.stat();
console.log((await library.count(text)) === size ? 'counted all bytes' : 'counted something else');
