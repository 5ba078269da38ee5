/**
 * Makes logs of the driver comparable: what differs from one run to the next gets a name, in the order in which it
 * appears. One object for all that is read in one run, so that the same number is the same name everywhere.
 *
 * | what | becomes |
 * |---|---|
 * | ids of nodes, refs, transactions and buffers | `#1`, `#2` |
 * | process ids, thread ids | `P1`, `T1` (0 stays 0) |
 * | the device | `DEVICE` |
 * | addresses of the driver's objects | `*` (null stays null) |
 * | hashed pointers of clients | `h1`, `h2` |
 * | milliseconds elapsed, lines of the driver's source | `*` |
 */
export class LogText {
  readonly #ids = new Names('#');
  readonly #processes = new Names('P');
  readonly #threads = new Names('T');
  readonly #hashes = new Names('h');

  /** @param before - the same log when the run began: of logs that only grow, what is new is looked at. */
  normal(log: string, text: string, before: string): string {
    if (log === 'stats') return this.#lines(sinceThen(text, before));
    if (log.endsWith('transaction_log')) return this.#lines(onlyNew(text, before));
    return this.#lines(text);
  }

  #lines(text: string): string {
    return text.replace(/.+/g, (line) => this.#line(line));
  }

  #line(line: string): string {
    return line
      .replace(/^context .*/, 'context DEVICE')
      .replace(/ context \S+ node/, ' context DEVICE node')
      .replace(/^(\d+)(?=: (call|async|reply))/, (id) => this.#ids.of(id))
      .replace(
        /\b(transaction|node|ref|buffer|node work) (\d+)(?=[: ])/g,
        (_, what, id) => `${what} ${this.#ids.of(id)}`,
      )
      .replace(/^( *proc) (\d+)$/, (_, what, pid) => `${what} ${this.#processes.of(pid)}`)
      .replace(
        /( proc)((?: \d+)+)$/,
        (_, what, pids: string) => what + pids.replace(/\d+/g, (pid) => this.#processes.of(pid)),
      )
      .replace(/^( {2}thread) (\d+):/, (_, what, tid) => `${what} ${this.#threads.of(tid)}:`)
      .replace(
        /\b(from|to) (\d+):(\d+)/g,
        (_, what, pid, tid) => `${what} ${this.#processes.of(pid)}:${this.#threads.of(tid)}`,
      )
      .replace(/: ([0-9a-f]{16}) from/, ': * from')
      .replace(/ d ([0-9a-f]{16})$/, (_, death) => (/^0+$/.test(death) ? ' d 0' : ' d *'))
      .replace(/elapsed \d+ms/, 'elapsed *ms')
      .replace(/ l=\d+/, ' l=*');
  }

  /** The hashed pointers in a `_hashed` log, which has been made comparable otherwise. */
  hashed(text: string): string {
    return text.replace(/\b([uc])([0-9a-f]{16})\b/g, (_, what, hash) => what + this.#hashes.of(hash));
  }
}

/** Names for things, in the order in which they are met; zero is no thing. */
class Names {
  readonly #prefix: string;
  readonly #names = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(thing: string): string {
    if (/^0+$/.test(thing)) return '0';
    let name = this.#names.get(thing);
    if (!name) {
      name = `${this.#prefix}${this.#names.size + 1}`;
      this.#names.set(thing, name);
    }
    return name;
  }
}

function onlyNew(text: string, before: string): string {
  const old = new Set(before.split('\n'));
  return text
    .split('\n')
    .filter((line) => line === '' || !old.has(line))
    .join('\n');
}

/** The counters at the head, before the first process, as differences; those that did not change are left out. */
function sinceThen(text: string, before: string): string {
  const [head = '', ...processes] = text.split(/^(?=proc \d)/m);
  const [headBefore = ''] = before.split(/^(?=proc \d)/m);
  const old = new Map(headBefore.split('\n').map((line) => [nameOf(line), numbersOf(line)]));
  const lines = head.split('\n').flatMap((line) => {
    if (!/^\w+: /.test(line)) return [line];
    let next = 0;
    const was = old.get(nameOf(line)) ?? [];
    const changed = line.replace(/\d+/g, (number) => `${Number(number) - (was[next++] ?? 0)}`);
    return /: 0$|active 0 total 0$/.test(changed) ? [] : [changed];
  });
  return lines.join('\n') + processes.join('');
}

const nameOf = (line: string): string => line.replace(/:.*/, '');
const numbersOf = (line: string): number[] => (line.match(/\d+/g) ?? []).map(Number);
