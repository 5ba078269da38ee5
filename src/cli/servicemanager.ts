import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ANDROID_RELEASES, type AndroidRelease } from '../binder/servicemanager/index.ts';
import { Log } from '../host/daemon/log.ts';
import type { DeviceManager } from '../host/servicemanager/device-manager.ts';
import { CliError, EXIT, fail } from './exit-code.ts';

/** What it knows and whom it trusts. */
interface ServiceManagerOptions {
  android: AndroidRelease;
  androidUids?: boolean;
  declared?: string;
  policy?: string;
}

/** `ubinder servicemanager`: knows services by name, as Android's does. */
export function serviceManagerCommand(): Command {
  const command = new Command('servicemanager')
    .description('be the service manager of devices, of any Binder driver, until they are gone')
    .addHelpText(
      'after',
      '\nhwbinder needs none: HIDL, which it was for, has a manager of its own and is past.',
    )
    .argument('<device...>', 'paths of devices, such as /dev/binderfs/binder')
    .option('--policy <file>', 'rules that say who may add, find and list services; SIGHUP reads them again')
    .option('--android <release>', 'the Android whose service manager it is: 11 to 16', release, 16)
    .option('--android-uids', 'user ids from 10000 are apps, which add no services, from 99000 isolated ones')
    .option('--declared <file>', 'services that there are or will be, and how to start them');
  return command.action(async (devices: string[], options: ServiceManagerOptions) => {
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
    const serve = async (): Promise<void> => {
      const start = await prepared;
      for (const path of paths) managers.push(await start(path));
      void Promise.all(managers.map(({ finished }) => finished)).then(stop);
    };
    await serve().catch((error) => {
      for (const manager of managers) manager.stop();
      fail(error);
    });
    process.stdout.write(`ubinder servicemanager ready: ${paths.join(' ')} (pid ${process.pid})\n`);
  });
}

/** @returns what begins to serve a device. @throws Error that says what is wrong with a file. */
async function prepare(options: ServiceManagerOptions): Promise<(device: string) => Promise<DeviceManager>> {
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
  if (policy) process.on('SIGHUP', () => policy.reload());
  return (device) => DeviceManager.start(device, { android, androidUids, declared, policy, log: log.write });
}

function release(value: string): AndroidRelease {
  const number = Number(value) as AndroidRelease;
  if (!ANDROID_RELEASES.includes(number)) throw new InvalidArgumentError('Give a release from 11 to 16.');
  return number;
}
