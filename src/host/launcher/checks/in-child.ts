import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Milliseconds until a probe must have answered. */
const DEADLINE = 10_000;

const probePath = fileURLToPath(new URL('./probe.js', import.meta.url));

/** How a probe is started. */
export interface ProbeOptions {
  /** A program that execs the probe, for example one that makes namespaces. */
  readonly through?: readonly string[];
  /** Another user to be. */
  readonly uid?: number | undefined;
}

/** What a probe said, or why it said nothing. */
export type Answer<T> = { readonly report: T } | { readonly failure: string };

/** Carries out a probe in a process of its own, which is killed when it does not answer in time. */
export async function tryInChild<T>(args: readonly string[], options: ProbeOptions = {}): Promise<Answer<T>> {
  await using probe = startProbe<T>(args, options);
  return await probe.answer;
}

/** A probe process; disposing ends it. */
export interface RunningProbe<T> extends AsyncDisposable {
  readonly answer: Promise<Answer<T>>;
}

/** Starts a probe that may live on after its answer, as a target does. */
export function startProbe<T>(
  args: readonly string[],
  { through = [], uid }: ProbeOptions = {},
): RunningProbe<T> {
  const [program = '', ...rest] = [...through, process.execPath, probePath, ...args];
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve()).once('error', () => resolve());
  });
  return {
    answer: answerOf<T>(child),
    async [Symbol.asyncDispose]() {
      child.stdin.destroy();
      const timer = setTimeout(() => child.kill('SIGKILL'), 1000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function answerOf<T>(child: ChildProcess): Promise<Answer<T>> {
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve({ failure: `no answer within ${DEADLINE / 1000} s` });
    }, DEADLINE);
    const settle = (answer: Answer<T>): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    child.once('error', (error) => settle({ failure: error.message }));
    child.once('close', (code, signal) =>
      settle({ failure: reason(complaint) || `ended with ${signal ?? code}` }),
    );
    if (child.stdout)
      createInterface({ input: child.stdout }).once('line', (line) =>
        settle({ report: JSON.parse(line) as T }),
      );
  });
}

/** The line that says what went wrong, in what a program or Node.js complains. */
function reason(text: string): string {
  const lines = text.trim().split('\n');
  return lines.find((line) => /\w*Error: /.test(line)) ?? lines.at(-1) ?? '';
}
