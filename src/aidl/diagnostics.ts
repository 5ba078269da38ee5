import { formatLocation, type Location } from './source.ts';

/** The warnings aidl knows, by the name that -W, -Wno- and `@SuppressWarnings` take; true: on by default. */
export const WARNINGS = {
  'const-name': false,
  'enum-explicit-default': false,
  'file-descriptor': false,
  'inout-parameter': false,
  'interface-name': false,
  'missing-permission-annotation': false,
  'mixed-oneway': false,
  'out-array': false,
  'out-nullable': false,
  'redundant-name': false,
  'redundant-oneway': false,
  'unique-import': false,
  'unknown-warning': true,
  'untyped-collection': false,
} as const satisfies Record<string, boolean>;

/** The name of a warning. */
export type WarningName = keyof typeof WARNINGS;
/** What becomes of a warning. */
export type Severity = 'off' | 'warning' | 'error';

/** Something to tell the user about a place, or about a whole file. */
export interface Diagnostic {
  readonly severity: 'warning' | 'error';
  /** A range, or the name of a file when the message is about all of it. */
  readonly location: Location | string;
  readonly text: string;
  readonly warning?: WarningName;
}

/** As aidl prints it: `ERROR: p/IFoo.aidl:3.7-12: text [-Wname]`. */
export function formatDiagnostic({ severity, location, text, warning }: Diagnostic): string {
  const where = typeof location === 'string' ? location : formatLocation(location);
  const suffix = warning === undefined ? '' : ` [-W${warning}]`;
  return `${severity === 'error' ? 'ERROR' : 'WARNING'}: ${where}: ${text}${suffix}`;
}

/** A file of garbage has an error on each line; nobody reads more than these. */
const MAX_DIAGNOSTICS = 1_000;

/** Collects diagnostics in the order in which they are found. */
export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  #errors = 0;

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** Whether no more will be told. */
  get isFull(): boolean {
    return this.diagnostics.length >= MAX_DIAGNOSTICS;
  }

  error(location: Location | string, text: string): void {
    this.report({ severity: 'error', location, text });
  }

  report(diagnostic: Diagnostic): void {
    if (diagnostic.severity === 'error') this.#errors++;
    if (this.diagnostics.length < MAX_DIAGNOSTICS) this.diagnostics.push(diagnostic);
  }
}
