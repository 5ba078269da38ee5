import { Policy } from './policy.ts';
import { readPolicyFile } from './policy-file.ts';

/** Where a policy's messages go. */
export interface PolicyLog {
  /** Refusals, of which clients may cause many. */
  write(message: string): void;
  /** What came of reading the file again. */
  answer(message: string): void;
}

/** A policy file that is read at the start and whenever somebody asks. */
export class PolicySource<T> {
  readonly #path: string;
  readonly #make: (policy: Policy) => T;
  readonly #log: PolicyLog;
  #current: T;

  /**
   * @param make - what is made of the rules
   * @throws Error that says what is wrong with the file.
   */
  constructor(path: string, make: (policy: Policy) => T, log: PolicyLog) {
    this.#path = path;
    this.#make = make;
    this.#log = log;
    this.#current = this.#read();
  }

  /** What is in force. */
  get current(): T {
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

  #read(): T {
    return this.#make(new Policy(readPolicyFile(this.#path), this.#path, this.#log.write));
  }
}
