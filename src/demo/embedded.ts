import { RawLocalDriver } from '../binder/connections/local.ts';
import { client, echo, manager } from './roles.ts';

/** The demonstration on a driver in this process. @returns what the echo service answered. */
export async function embeddedDemo(text: string): Promise<string> {
  const driver = new RawLocalDriver();
  const processes = [1, 2, 3].map((pid) => driver.connect({ pid, euid: 1000 + pid }));
  for (const process of processes) process.map(128 * 1024);
  const [managerThread, echoThread, clientThread] = processes.map((process) => process.thread(process.pid));
  if (!managerThread || !echoThread || !clientThread) throw new Error('unreachable');
  await new Promise<void>((ready, fail) => void manager(managerThread, ready).catch(fail));
  await new Promise<void>((ready, fail) => void echo(echoThread, ready).catch(fail));
  const answer = await client(clientThread, text);
  for (const process of processes.reverse()) process.close();
  return answer;
}
