import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { probeFuse } from './fuse-probe.ts';
import { probeFusermount } from './fusermount-probe.ts';
import { becomeTarget, probeProcess, type Target } from './process-probe.ts';

// A program of its own, started by tryInChild(): `node probe.js WHAT [ARGUMENT]` prints one line of JSON.
const [, , what, argument] = process.argv;

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

switch (what) {
  case 'fuse':
    print(probeFuse(argument === 'entered'));
    break;
  case 'fusermount':
    print(await probeFusermount(argument === undefined ? undefined : Number(argument)));
    break;
  case 'process':
    if (argument) print(probeProcess(JSON.parse(argument) as Target));
    else await probeOwnTarget();
    break;
  case 'target':
    // Until the one who started it closes our stdin, or ends.
    print(becomeTarget());
    process.stdin.resume();
    break;
  default:
    throw new Error(`Cannot probe ${JSON.stringify(what)}: give fuse, fusermount, process or target`);
}

/** In a user namespace the other process must be in it as well, so it is started here. */
async function probeOwnTarget(): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'target'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    print(probeProcess(JSON.parse(line) as Target));
    child.stdin.end();
    break;
  }
}
