import { matchesGlob } from './glob.ts';
import type { Action, PolicyFile, Rule, Side } from './policy-file.ts';
import { describeSubject, type Subject } from './subject.ts';

/** What a decision is about. */
export interface Question {
  readonly action: Action;
  readonly from: Subject;
  /** Who is called or receives; absent where there is nobody, as in `manage`. */
  readonly to?: Subject;
  /** Name of the service, for the service manager's actions. */
  readonly service?: string;
}

/**
 * The rules of one policy file. The first rule that fits decides; where none does, the file's `default`. With `audit`
 * everything is allowed, and what would have been refused is logged.
 */
export class Policy {
  readonly #file: PolicyFile;
  readonly #name: string;
  readonly #log: (message: string) => void;

  /** @param name - the file's, for messages */
  constructor(file: PolicyFile, name: string, log: (message: string) => void) {
    this.#file = file;
    this.#name = name;
    this.#log = log;
  }

  /** Whether what is asked may happen. A refusal is logged, with the rule that caused it. */
  allows(question: Question): boolean {
    const verdict = this.judge(question);
    if (verdict !== null) this.report(question, verdict);
    return verdict === null || this.#file.audit;
  }

  /** Which rule refuses: its index, or -1 for the default; `null` when nothing does. */
  judge(question: Question): number | null {
    const { rules } = this.#file;
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i] as Rule;
      if (fits(rule, question)) return rule.deny ? i : null;
    }
    return this.#file.default === 'deny' ? -1 : null;
  }

  /** Logs a refusal, by what {@link judge} gave. */
  report({ action, from, to, service }: Question, verdict: number): void {
    const what = service === undefined ? action : `${action} of ${JSON.stringify(service)}`;
    const whom = to ? ` to ${describeSubject(to)}` : '';
    const why = verdict === -1 ? 'default' : `rules[${verdict}]`;
    const done = this.#file.audit ? 'would be denied' : 'denied';
    this.#log(`${what} on ${from.device} ${done}: ${describeSubject(from)}${whom}; ${why} of ${this.#name}`);
  }

  /** Whether refusals are only logged. */
  get isAudit(): boolean {
    return this.#file.audit;
  }
}

function fits(rule: Rule, { action, from, to, service }: Question): boolean {
  return (
    (rule.allow ?? rule.deny)?.includes(action) === true &&
    fitsPatterns(rule.device, from.device) &&
    fitsSide(rule.from, from) &&
    fitsSide(rule.to, to) &&
    fitsPatterns(rule.service, service)
  );
}

function fitsSide(side: Side | undefined, subject: Subject | undefined): boolean {
  if (!side) return true;
  if (!subject) return false;
  return (
    fitsIds(side.uid, subject.uid) &&
    fitsIds(side.gid, subject.gid) &&
    fitsPatterns(side.executable, subject.executable ?? undefined) &&
    fitsPatterns(side.label, subject.label)
  );
}

function fitsIds(ranges: Side['uid'], id: number): boolean {
  return !ranges || ranges.some(({ first, last }) => id >= first && id <= last);
}

function fitsPatterns(patterns: readonly string[] | undefined, text: string | undefined): boolean {
  if (!patterns) return true;
  return text !== undefined && patterns.some((pattern) => matchesGlob(pattern, text));
}
