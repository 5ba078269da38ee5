import type { Client, SecurityPolicy } from '../../driver/ports.ts';
import { OpenDevice } from '../binderfs/open-device.ts';
import { DriverPolicy } from '../policy/driver-policy.ts';
import { Policy } from '../policy/policy.ts';
import { readPolicyFile } from '../policy/policy-file.ts';
import type { Log } from './log.ts';

/** The policy file of a daemon, read when it starts and whenever it is told to. */
export class PolicySource {
  readonly #path: string;
  readonly #log: Log;
  #current: SecurityPolicy;

  /** @throws Error that says what is wrong with the file. */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
    this.#current = this.#read();
  }

  /** What is in force. */
  get current(): SecurityPolicy {
    return this.#current;
  }

  /** Reads the file again. One that cannot be used is logged, and what was in force stays so. */
  reload(): void {
    try {
      this.#current = this.#read();
      this.#log.answer(`the policy ${this.#path} was read again`);
    } catch (error) {
      this.#log.answer(`${(error as Error).message}; the policy stays as it was`);
    }
  }

  #read(): SecurityPolicy {
    const policy = new Policy(readPolicyFile(this.#path), this.#path, this.#log.write);
    return new DriverPolicy(policy, (client: Client) => {
      if (!(client instanceof OpenDevice))
        throw new Error('Cannot judge a client that did not open a device');
      return client.subject;
    });
  }
}
