import type { Client, SecurityPolicy } from '../../driver/ports.ts';
import type { Policy } from './policy.ts';
import type { Action } from './policy-file.ts';
import type { Subject } from './subject.ts';

/** No rule refuses. */
const ALLOWED = -2;

/** What was decided between two subjects, by action. Rules do not change, nor do subjects. */
type Verdicts = Partial<Record<Action, number>>;

/**
 * A policy as the driver asks it. Each pair of processes is judged once; then a decision costs two look-ups, so that
 * rules may be many.
 */
export class DriverPolicy implements SecurityPolicy {
  readonly #policy: Policy;
  readonly #subjectOf: (client: Client) => Subject;
  readonly #verdicts = new WeakMap<Subject, WeakMap<Subject, Verdicts>>();

  /** @param subjectOf - tells the subject of a client, the same object each time */
  constructor(policy: Policy, subjectOf: (client: Client) => Subject) {
    this.#policy = policy;
    this.#subjectOf = subjectOf;
  }

  mayManage(client: Client): boolean {
    return this.#policy.allows({ action: 'manage', from: this.#subjectOf(client) });
  }

  mayCall(from: Client, to: Client): boolean {
    return this.#may('call', from, to);
  }

  mayTransferBinder(from: Client, to: Client): boolean {
    return this.#may('transfer-binder', from, to);
  }

  mayTransferFile(from: Client, to: Client): boolean {
    return this.#may('transfer-file', from, to);
  }

  #may(action: Action, sender: Client, receiver: Client): boolean {
    const from = this.#subjectOf(sender);
    const to = this.#subjectOf(receiver);
    let byReceiver = this.#verdicts.get(from);
    if (!byReceiver) {
      byReceiver = new WeakMap();
      this.#verdicts.set(from, byReceiver);
    }
    let verdicts = byReceiver.get(to);
    if (!verdicts) {
      verdicts = {};
      byReceiver.set(to, verdicts);
    }
    verdicts[action] ??= this.#policy.judge({ action, from, to }) ?? ALLOWED;
    const verdict = verdicts[action];
    if (verdict === ALLOWED) return true;
    this.#policy.report({ action, from, to }, verdict);
    return this.#policy.isAudit;
  }
}
