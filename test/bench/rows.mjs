// What the bench measures: the rows of its table.
import { fileURLToPath } from 'node:url';
import { isInstalled, run } from './programs.mjs';

const SEND = fileURLToPath(new URL('send.mjs', import.meta.url));
const TYPESCRIPT = fileURLToPath(new URL('typescript.mjs', import.meta.url));

/** Calls from JavaScript before the timed ones: it is compiled in each run anew. */
const JAVASCRIPT_WARMUP = 10_000;

/**
 * A row: what is measured, once as `pinned` to one processor and once as `free`.
 *
 * @typedef {object} Row
 * @property {string} name as the table has it, without the size.
 * @property {number} size bytes there, and as many back.
 * @property {boolean} isPinned
 * @property {object | null} build whose daemon serves it; `null` for what needs none.
 * @property {object} [daemon] the one that serves it.
 * @property {string} [delivery] how data gets to clients, where that is not the daemon's own choice.
 * @property {Row} yardstick what it is compared with: it runs before it and after it. Its own yardstick is compared with
 * nothing.
 * @property {string[]} command the program with all its options but the numbers of calls.
 * @property {number} warmup calls before the timed ones.
 */

/**
 * Calls between C programs by the daemons of `builds`, beside a pipe with messages of the same size.
 *
 * @param programs the compiled ones.
 * @param builds each with `label`, the daemons `pinned` and `free`, and in `deliveries` pinned ones that deliver
 * otherwise, by name.
 * @param {number} cpu the processor for pinned rows.
 * @returns {Row[]}
 */
export function createRows(programs, builds, cpu, warmup) {
  const rows = [];
  for (const isPinned of [true, false]) {
    const pin = isPinned ? [`--cpu=${cpu}`] : [];
    const add = (name, size, command, others) =>
      rows.push({
        name,
        size,
        isPinned,
        build: null,
        warmup,
        command: [...command, `--size=${size}`],
        ...others,
      });
    const first = rows.length;

    for (const size of [256, 4096, 65536]) add('pipe', size, [programs.pingpong, ...pin]);
    for (const serialization of ['json', 'advanced']) {
      const command = [process.execPath, SEND, `--serialization=${serialization}`];
      const pinned = isPinned ? ['taskset', '-c', `${cpu}`, ...command] : command;
      add(`process.send, ${serialization}`, 256, pinned, { warmup: JAVASCRIPT_WARMUP });
    }
    for (const build of builds) {
      const call = (name, { daemon, form = '3ioctl', size = 256, fds = 0 }, others) => {
        const command = [programs.call, daemon.device, `--form=${form}`, `--daemon=${daemon.pid}`, ...pin];
        const options = { build, daemon, ...others };
        add(`${name}${build.label}`, size, daemon.where([...command, `--fds=${fds}`]), options);
      };
      const daemon = isPinned ? build.pinned : build.free;
      const binder = (form, size, fds = 0) => {
        const name = fds === 0 ? FORM_NAMES[form] : `Binder, with ${fds} descriptor${fds === 1 ? '' : 's'}`;
        call(name, { daemon, form, size, fds });
      };
      binder('3ioctl', 256);
      binder('2ioctl', 256);
      binder('poll', 256);
      binder('3ioctl', 4096);
      binder('3ioctl', 65536);
      binder('3ioctl', 256, 1);
      binder('3ioctl', 256, 8);
      if (isPinned)
        for (const [delivery, daemon] of build.deliveries)
          call(`${FORM_NAMES['3ioctl']}, ${delivery}`, { daemon }, { delivery });
    }
    const ofThisHalf = rows.slice(first);
    for (const row of ofThisHalf) {
      row.yardstick = ofThisHalf.find(({ name, size }) => name === 'pipe' && size === row.size);
    }
  }
  return rows;
}

/**
 * Calls of 256 bytes from TypeScript to TypeScript, by ubinder and by others, beside process.send().
 *
 * @param builds each with `label`, `tree` and the daemons `pinned` and `free`.
 * @param {number} cpu the processor for pinned rows.
 * @param {boolean} isQuick only those of the goals, pinned.
 * @returns {Row[]}
 */
export function createTypeScriptRows(builds, cpu, isQuick) {
  const rows = [];
  for (const isPinned of isQuick ? [true] : [true, false]) {
    const pin = isPinned ? ['taskset', '-c', `${cpu}`] : [];
    const add = (name, kind, options = [], others = {}) => {
      const command = [...pin, process.execPath, TYPESCRIPT, `--kind=${kind}`, ...options];
      const row = { name, size: 256, isPinned, build: null, warmup: JAVASCRIPT_WARMUP, command, ...others };
      rows.push(row);
      return row;
    };
    const yardstick = add('process.send, json', 'process.send');
    add('MessagePort, to a Worker', 'MessagePort');
    for (const build of builds) {
      const { label, tree } = build;
      const daemon = isPinned ? build.pinned : build.free;
      const ours = (name, kind, options, others) =>
        add(`ubinder, ${name}${label}`, kind, [`--tree=${tree}`, ...options], others);
      for (const [threads, name] of Object.entries(THREAD_NAMES)) {
        ours(name, 'ubinder', [`--device=${daemon.device}`, `--threads=${threads}`], { daemon });
      }
      ours('in one process', 'ubinder/local', []);
      if (!isQuick) ours('by a MessagePort', 'ubinder/port', []);
    }
    const ofOthers = isQuick ? [] : OTHERS.filter(({ program }) => !program || isInstalled(program));
    for (const { name, kind } of ofOthers) add(name, kind);
    for (const row of rows) row.yardstick ??= yardstick;
  }
  return rows;
}

/** The carriers of a connection to a device. */
const THREAD_NAMES = { logical: 'two processes, logical threads', workers: 'two processes, Workers' };

/** Other people's calls, with the program they need. */
const OTHERS = [
  { name: 'Comlink, to a Worker', kind: 'Comlink' },
  { name: 'Cap’n Web, to a Worker', kind: 'Cap’n Web' },
  { name: 'grpc-js, two processes', kind: 'grpc-js' },
  { name: 'dbus-next, two processes', kind: 'dbus-next', program: 'dbus-daemon' },
];

/** What the forms of call.c are known by. */
const FORM_NAMES = {
  '3ioctl': 'Binder, libbinder’s way',
  '2ioctl': 'Binder, reply and wait in one',
  poll: 'Binder, libgbinder’s way',
};

/** Whether this is the row of the goal: pinned, 256 bytes, libbinder's way, on the build that is judged. */
export function isGoal(row, build) {
  const { command } = row;
  const isPlain = command.includes('--form=3ioctl') && command.includes('--fds=0') && !row.delivery;
  return row.isPinned && row.size === 256 && row.build === build && isPlain;
}

/** Runs a row once. @returns the line of JSON that its program writes. */
export async function measure(row, calls) {
  const { stdout } = await run([...row.command, `--calls=${calls}`, `--warmup=${row.warmup}`]);
  return JSON.parse(stdout);
}
