import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ANDROID_RELEASES, type AndroidRelease } from '../binder/servicemanager/index.ts';
import { Log } from '../host/daemon/log.ts';
import type { Policy } from '../host/policy/policy.ts';
import type { PolicySource } from '../host/policy/policy-source.ts';
import type { DeviceManager } from '../host/servicemanager/device-manager.ts';
import { obeyStarter } from '../host/servicemanager/obey-starter.ts';
import { CliError, EXIT, fail } from './exit-code.ts';

/** What it knows and whom it trusts: options of `ubinder up`, too. */
export interface ServiceManagerOptions {
  android: AndroidRelease;
  androidUids?: boolean;
  declared?: string;
  policy?: string;
}

/** The options of a service manager but `--policy`, which is not its alone. */
export function serviceManagerOptions(): Option[] {
  return [
    new Option('--android <release>', 'the Android whose service manager it is: 11 to 16')
      .argParser(release)
      .default(16),
    new Option(
      '--android-uids',
      'user ids from 10000 are apps, which add no services, from 99000 isolated ones',
    ),
    new Option('--declared <file>', 'services that there are or will be, and how to start them'),
  ];
}

/** What a help text says of a device that has none. */
export const HWBINDER_HAS_NONE =
  'hwbinder has no service manager: HIDL, which it was for, had one of its own and is past.';

/** `ubinder servicemanager`: knows services by name, as Android's does. */
export function serviceManagerCommand(): Command {
  const command = new Command('servicemanager')
    .description('be the service manager of devices, of any Binder driver, until they are gone')
    .addHelpText('after', `\n${HWBINDER_HAS_NONE}`)
    .argument('<device...>', 'paths of devices, such as /dev/binderfs/binder')
    .option('--policy <file>', 'rules that say who may add, find and list services; SIGHUP reads them again')
    .addOption(new Option('--supervised', 'serve when the process that started it says so').hideHelp());
  for (const option of serviceManagerOptions()) command.addOption(option);
  return command.action(
    async (devices: string[], options: ServiceManagerOptions & { supervised?: boolean }) => {
      const paths = devices.map((device) => resolve(device));
      if (new Set(paths).size !== paths.length) throw new CliError('A device is given twice', EXIT.usage);
      const managers: DeviceManager[] = [];
      const stop = (): void => {
        for (const manager of managers) manager.stop();
        process.exit(EXIT.ok);
      };
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
      // All that takes time and no device
      const prepared = prepare(options);
      prepared.catch(() => {});
      const serve = async () => {
        const { start } = await prepared;
        for (const path of paths) managers.push(await start(path));
        return { gone: Promise.all(managers.map(({ finished }) => finished)) };
      };
      const reload = (): void =>
        void prepared.then(
          ({ policy }) => policy?.reload(),
          () => {},
        );
      if (options.supervised) return obeyStarter({ serve, reload, stop });
      if (options.policy !== undefined) process.on('SIGHUP', reload);
      const { gone } = await serve().catch((error) => {
        for (const manager of managers) manager.stop();
        fail(error);
      });
      void gone.then(stop);
      process.stdout.write(`ubinder servicemanager ready: ${paths.join(' ')} (pid ${process.pid})\n`);
    },
  );
}

interface Prepared {
  /** Begins to serve a device. */
  readonly start: (device: string) => Promise<DeviceManager>;
  readonly policy: PolicySource<Policy> | null;
}

/** @throws Error that says what is wrong with a file. */
async function prepare(options: ServiceManagerOptions): Promise<Prepared> {
  const { android, androidUids = false } = options;
  const log = new Log();
  const [{ DeviceManager }, { readDeclaredServices }, { PolicySource }] = await Promise.all([
    import('../host/servicemanager/device-manager.ts'),
    import('../host/servicemanager/declared-services.ts'),
    import('../host/policy/policy-source.ts'),
  ]);
  const declared = options.declared === undefined ? [] : readDeclaredServices(resolve(options.declared));
  const policy =
    options.policy === undefined ? null : new PolicySource(resolve(options.policy), (rules) => rules, log);
  const start = (device: string) =>
    DeviceManager.start(device, { android, androidUids, declared, policy, log: log.write });
  return { start, policy };
}

function release(value: string): AndroidRelease {
  const number = Number(value) as AndroidRelease;
  if (!ANDROID_RELEASES.includes(number)) throw new InvalidArgumentError('Give a release from 11 to 16.');
  return number;
}
