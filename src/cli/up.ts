import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_LIMITS, type Limits } from '../driver/limits.ts';
import { MAX_DEVICES } from '../host/binderfs/device-table.ts';
import type { DeliveryMode } from '../host/binderfs/open-device-factory.ts';
import { DEFAULT_USER_LIMITS, type UserLimits } from '../host/binderfs/user-limits.ts';
import type { Daemon } from '../host/daemon/daemon.ts';
import { Log } from '../host/daemon/log.ts';
import { obeySupervisor } from '../host/daemon/supervised.ts';
import { probeRequestTimeouts } from '../host/linux/capabilities.ts';
import { raiseOwnLimits } from '../host/linux/own-limits.ts';
import { notifyServiceManager } from '../host/linux/service-manager.ts';
import { startDetached } from './detach.ts';
import { CliError, EXIT, fail } from './exit-code.ts';
import { startManager } from './mount-manager.ts';
import { mountPointFrom } from './mount-point.ts';
import { HWBINDER_HAS_NONE, type ServiceManagerOptions, serviceManagerOptions } from './servicemanager.ts';

interface UpOptions extends ServiceManagerOptions {
  mount?: string;
  devices: string[];
  maxDevices: number;
  stats?: 'global';
  spin: number;
  mode?: number;
  owner?: number;
  group?: number;
  label: string;
  androidScheduling?: boolean;
  limit: Partial<Limits & UserLimits>;
  pageBudget?: number;
  untilExit?: number;
  serviceManager: boolean;
  detach?: boolean;
  supervise: boolean;
  supervised?: boolean;
}

/** User and group ids: the highest number stands for none. */
const MAX_ID = 0xffff_fffe;

/** `ubinder up`: serves devices until told to stop. */
export function upCommand(): Command {
  const command = new Command('up')
    .description('serve Binder devices in a directory until told to stop')
    .option('--mount <dir>', 'where: default /dev/binderfs for root, $XDG_RUNTIME_DIR/ubinder otherwise')
    .option('--devices <names>', 'devices to begin with', names, ['binder', 'hwbinder', 'vndbinder'])
    .option(
      '--max-devices <n>',
      'devices there may be, as the kernel mount option max=',
      atMost(MAX_DEVICES),
      MAX_DEVICES,
    )
    .option(
      '--stats <mode>',
      'global: let every user read binder_logs/, as the mount option stats=',
      statsMode,
    )
    .option('--spin <us>', 'microseconds to look for the next request before sleeping', natural, 50)
    .option('--mode <octal>', 'permissions of the devices: default 0666 for root, 0600 otherwise', octal)
    .option('--owner <uid>', 'owner of the devices', atMost(MAX_ID))
    .option('--group <gid>', 'group of the devices', atMost(MAX_ID))
    .option('--label <text>', 'security label told to services that ask for one', 'u:r:ubinder:s0')
    .option('--policy <file>', 'rules that say who may do what; SIGHUP reads them again')
    .option('--android-scheduling', 'let scheduling policies travel with calls, and not only nice values')
    .option(
      '--limit <name=n>',
      'how many a process may have: threads, nodes, refs, registrations; or a user: processes, devices',
      limit,
      {},
    )
    .option(
      '--page-budget <size>',
      'bytes of received data (or 16M, 1G) above which unused pages are given back',
      size,
    )
    .option(
      '--no-service-manager',
      'leave binder and vndbinder without a service manager: a program will be it',
    )
    .option('--detach', 'return once clients can open the devices')
    .option('--no-supervise', 'serve in this process: nobody starts another daemon when this one fails')
    .addOption(new Option('--supervised', 'serve in this process, for the one that started it').hideHelp())
    .addOption(
      new Option('--until-exit <pid>', 'stop when this process has ended').argParser(natural).hideHelp(),
    )
    .addHelpText('after', `\n${HWBINDER_HAS_NONE}`);
  for (const option of serviceManagerOptions()) command.addOption(option);
  return command.action(async (given: UpOptions) => {
    const mountPoint = mountPointFrom(given.mount);
    if (given.detach) return detach();
    const { policy, declared } = given;
    // Paths stay what they are: a daemon must not keep the directory busy in which somebody happened to start it
    const options = {
      ...given,
      ...(policy === undefined ? {} : { policy: resolve(policy) }),
      ...(declared === undefined ? {} : { declared: resolve(declared) }),
    };
    process.chdir('/');
    const isAlone = !options.supervise || options.untilExit !== undefined;
    await (isAlone || options.supervised ? serve : supervise)(mountPoint, options);
  });
}

/** Serves in this process. */
async function serve(mountPoint: string, options: UpOptions): Promise<void> {
  const { supervised, policy } = options;
  const log = new Log().write;
  const manager = supervised ? null : startManager(mountPoint, options, { isOrphan: true, log });
  try {
    const daemon = await startDaemon(mountPoint, options).catch(fail);
    if (supervised) obeySupervisor(daemon.connection, () => daemon.stop());
    else {
      if (manager && policy !== undefined) process.on('SIGHUP', () => manager.reload());
      await manager?.serve().catch(async (error) => {
        daemon.stop();
        await daemon.finished.catch(() => {});
        fail(error);
      });
      warn(options);
      announce(mountPoint, process.pid);
      void daemon.stopping.then(() => notifyServiceManager('STOPPING=1'));
    }
    await daemon.finished.catch(fail);
  } finally {
    await manager?.stop();
  }
}

async function startDaemon(mountPoint: string, options: UpOptions): Promise<Daemon> {
  const { Daemon } = await import('../host/daemon/daemon.ts');
  const root = process.getuid?.() === 0;
  return Daemon.start({
    mountPoint,
    makeDirectory: options.mount === undefined,
    devices: options.devices,
    maxDevices: options.maxDevices,
    hasLogs: options.stats === 'global',
    spin: options.spin,
    owner: {
      mode: options.mode ?? (root ? 0o666 : 0o600),
      uid: options.owner ?? process.getuid?.() ?? 0,
      gid: options.group ?? process.getgid?.() ?? 0,
    },
    label: options.label,
    policy: options.policy,
    limits: options.limit,
    userLimits: { ...DEFAULT_USER_LIMITS, ...options.limit },
    pageBudget: options.pageBudget,
    androidScheduling: options.androidScheduling === true,
    forcedMode: forcedMode(),
    untilExit: options.untilExit,
  });
}

/** UBINDER_FORCE_MODE lets one machine run every way of delivery. */
function forcedMode(): DeliveryMode | undefined {
  const mode = process.env.UBINDER_FORCE_MODE;
  if (mode === undefined || mode === 'passthrough' || mode === 'inject' || mode === 'store') return mode;
  throw new CliError(
    `Cannot use UBINDER_FORCE_MODE=${mode}: known are passthrough, inject and store`,
    EXIT.usage,
  );
}

/** What scripts and tests wait for. */
function announce(mountPoint: string, pid: number): void {
  notifyServiceManager(`READY=1\nSTATUS=serving ${mountPoint}`);
  process.stdout.write(`ubinder ready: ${mountPoint} (pid ${pid})\n`);
}

/**
 * While clients make nodes and refs as fast as they can, the collector stops everybody to copy what is young and not yet
 * known to stay: 4 MB of it rather than V8's 16 take a quarter of the time, and a call costs 1 % more.
 */
const SHORT_PAUSES = ['--max-semi-space-size=4'];

/** Serves by a daemon of which this process is the supervisor. */
async function supervise(mountPoint: string, options: UpOptions): Promise<void> {
  const { mount, policy } = options;
  const paths = [
    ...(mount === undefined ? [] : ['--mount', mountPoint]),
    ...(policy === undefined ? [] : ['--policy', policy]),
  ];
  const { write: log } = new Log();
  const manager = startManager(mountPoint, options, { isOrphan: false, log });
  raiseOwnLimits();
  const { Supervisor } = await import('../host/daemon/supervisor.ts');
  let failure: Error | undefined;
  const supervisor = new Supervisor({
    program: process.execPath,
    args: [...SHORT_PAUSES, ...process.execArgv, ...process.argv.slice(1), ...paths, '--supervised'],
    mountPoint,
    onReady: async (pid, restarts) => {
      try {
        await manager?.serve();
      } catch (error) {
        failure = error as Error;
        return supervisor.stop();
      }
      if (restarts === 0) {
        warn(options);
        announce(mountPoint, pid);
      } else log(`serving ${mountPoint} again (pid ${pid})`);
    },
    onGone: () => manager?.wait(),
    log,
  });
  const stop = (): void => {
    notifyServiceManager('STOPPING=1');
    supervisor.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  // To read a policy again, or to stop: the daemon knows
  process.on('SIGHUP', () => {
    supervisor.signal('SIGHUP');
    manager?.reload();
  });
  process.exitCode = await supervisor.finished;
  await manager?.stop();
  if (failure) fail(failure);
}

/** Tells what of all this may not be what was meant. */
function warn({ mode }: UpOptions): void {
  if (process.getuid?.() === 0 && mode === undefined) {
    process.stderr.write(
      'ubinder: devices have mode 0666, as on Android: any user may open them (see --mode)\n',
    );
  }
  // A kernel that ends requests after a while ends the mount with them
  const { value, reason } = probeRequestTimeouts();
  if (value && (value.default !== 0 || value.max !== 0)) process.stderr.write(`ubinder: ${reason}\n`);
}

/** Starts the same command in the background and waits until it is ready. */
async function detach(): Promise<void> {
  const [, main, ...args] = process.argv as [string, string, ...string[]];
  const { ready, warnings } = await startDetached(
    main,
    args.filter((argument) => argument !== '--detach'),
  );
  process.stderr.write(warnings);
  process.stdout.write(ready);
}

function names(value: string): string[] {
  const list = value.split(',').filter((name) => name !== '');
  if (new Set(list).size !== list.length) throw new InvalidArgumentError('A name stands there twice.');
  return list;
}

function statsMode(value: string): 'global' {
  if (value !== 'global') throw new InvalidArgumentError('The only mode is global.');
  return value;
}

function natural(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number))
    throw new InvalidArgumentError('Give a whole number.');
  return number;
}

function atMost(limit: number): (value: string) => number {
  return (value) => {
    if (natural(value) > limit) throw new InvalidArgumentError(`Give a whole number up to ${limit}.`);
    return Number(value);
  };
}

/** Bytes, with K, M or G for so many times 1024. */
function size(value: string): number {
  const [, number = '', unit = ''] = /^(\d+)([KMG]?)$/i.exec(value) ?? [];
  const bytes = Number(number) * 1024 ** ' KMG'.indexOf(unit.toUpperCase() || ' ');
  if (number === '' || !Number.isSafeInteger(bytes) || bytes === 0)
    throw new InvalidArgumentError('Give bytes from 1, or with a unit: 512K, 16M, 1G.');
  return bytes;
}

/** One `--limit NAME=N`, with those before it. */
function limit(value: string, others: Partial<Limits & UserLimits>): Partial<Limits & UserLimits> {
  const [name = '', number = ''] = value.split('=');
  const limits = { ...DEFAULT_LIMITS, ...DEFAULT_USER_LIMITS };
  if (!Object.hasOwn(limits, name)) {
    const known = Object.keys(limits).join(', ');
    throw new InvalidArgumentError(`There is no limit ${JSON.stringify(name)}; known are ${known}.`);
  }
  if (natural(number) === 0) throw new InvalidArgumentError('Give a whole number from 1.');
  return { ...others, [name]: natural(number) };
}

function octal(value: string): number {
  if (!/^[0-7]{1,4}$/.test(value)) throw new InvalidArgumentError('Give permissions in octal, such as 0660.');
  return Number.parseInt(value, 8);
}
