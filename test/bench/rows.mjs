// What the bench measures: the rows of its table.
import { fileURLToPath } from 'node:url';
import { run } from './programs.mjs';

const SEND = fileURLToPath(new URL('send.mjs', import.meta.url));

/** Calls of process.send before the timed ones: its JavaScript is compiled in each run anew. */
const SEND_WARMUP = 1000;

/**
 * A row: what is measured, once as `pinned` to one processor and once as `free`.
 *
 * @typedef {object} Row
 * @property {string} name as the table has it, without the size.
 * @property {number} size bytes there, and as many back.
 * @property {boolean} isPinned
 * @property {object | null} build whose daemon serves it; `null` for what needs none.
 * @property {string[]} command the program with all its options but the numbers of calls.
 * @property {number} warmup calls before the timed ones.
 */

/**
 * All rows for the daemons of `builds`.
 *
 * @param programs the compiled ones.
 * @param builds each with `label` and the daemons `pinned` and `free`.
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

    for (const size of [256, 4096, 65536]) add('pipe', size, [programs.pingpong, ...pin]);
    for (const serialization of ['json', 'advanced']) {
      const command = [process.execPath, SEND, `--serialization=${serialization}`];
      const pinned = isPinned ? ['taskset', '-c', `${cpu}`, ...command] : command;
      add(`process.send, ${serialization}`, 256, pinned, { warmup: SEND_WARMUP });
    }
    for (const build of builds) {
      const daemon = isPinned ? build.pinned : build.free;
      const binder = (form, size, fds = 0) => {
        const command = [programs.call, daemon.device, `--form=${form}`, `--daemon=${daemon.pid}`, ...pin];
        const name = fds === 0 ? FORM_NAMES[form] : `Binder, with ${fds} descriptor${fds === 1 ? '' : 's'}`;
        add(`${name}${build.label}`, size, [...command, `--fds=${fds}`], { build, daemon });
      };
      binder('3ioctl', 256);
      binder('2ioctl', 256);
      binder('poll', 256);
      binder('3ioctl', 4096);
      binder('3ioctl', 65536);
      binder('3ioctl', 256, 1);
      binder('3ioctl', 256, 8);
    }
  }
  return rows;
}

/** What the forms of call.c are known by. */
const FORM_NAMES = {
  '3ioctl': 'Binder, libbinder’s way',
  '2ioctl': 'Binder, reply and wait in one',
  poll: 'Binder, libgbinder’s way',
};

/** Whether this is the row of the goal: pinned, 256 bytes, libbinder's way, on the build that is judged. */
export function isGoal(row, build) {
  const { command } = row;
  const isPlain = command.includes('--form=3ioctl') && command.includes('--fds=0');
  return row.isPinned && row.size === 256 && row.build === build && isPlain;
}

/** The yardstick of a row: the pipe with messages of the same size. */
export function isYardstickOf(row, other) {
  return row.name === 'pipe' && row.size === other.size && row.isPinned === other.isPinned;
}

/** Runs a row once. @returns the line of JSON that its program writes. */
export async function measure(row, calls) {
  const { stdout } = await run([...row.command, `--calls=${calls}`, `--warmup=${row.warmup}`]);
  return JSON.parse(stdout);
}
