// What each pair of languages has passed, printed as a table.

import { LANGUAGES, type Language } from './programs.ts';

/** What a library cannot do at all. */
export interface Impossible {
  readonly check: string;
  /** When one of these plays all of these roles. */
  readonly languages: readonly Language[];
  readonly roles: readonly ('server' | 'client')[];
  readonly why: string;
}

type Cell = 'ok' | 'failed' | 'no';

export class ResultTable {
  readonly #checks: readonly string[];
  readonly #impossible: readonly Impossible[];
  readonly #rows = new Map<string, Map<string, Cell>>();

  constructor(checks: readonly string[], impossible: readonly Impossible[]) {
    this.#checks = checks;
    this.#impossible = impossible;
  }

  /** Begins a pair's row: the checks that it is to pass. All have failed until they are told of by {@link pass}. */
  begin(server: Language, client: Language): string[] {
    const wanted = this.#checks.filter((check) => !this.#isImpossible(server, client, check));
    const cells = this.#checks.map((check): [string, Cell] => [
      check,
      wanted.includes(check) ? 'failed' : 'no',
    ]);
    this.#rows.set(pair(server, client), new Map(cells));
    return wanted;
  }

  pass(server: Language, client: Language, check: string): void {
    this.#rows.get(pair(server, client))?.set(check, 'ok');
  }

  /** The cells of all pairs that are neither `ok` nor `no`. */
  missing(): string[] {
    return LANGUAGES.flatMap((server) =>
      LANGUAGES.flatMap((client) => {
        const row = this.#rows.get(pair(server, client));
        const missing = this.#checks.filter((check) => !['ok', 'no'].includes(row?.get(check) ?? 'missing'));
        return missing.map((check) => `${server} serves ${client}: ${check}`);
      }),
    );
  }

  /** The table, and what its `no` mean. */
  print(title: string): void {
    const rows = [...this.#rows].map(([name, cells]) => [...name.split(' '), ...cells.values()]);
    const table = [['server', 'client', ...this.#checks], ...rows];
    const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
    const lines = table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
    const reasons = this.#impossible.map(
      ({ check, roles, languages, why }) =>
        `no ${check} with ${languages.join(' or ')} as ${roles.join(' and ')}: ${why}`,
    );
    console.log(['', title, '', ...lines, '', ...reasons].join('\n'));
  }

  #isImpossible(server: Language, client: Language, check: string): boolean {
    const played = { server, client };
    return this.#impossible.some(
      (one) => one.check === check && one.roles.every((role) => one.languages.includes(played[role])),
    );
  }
}

function pair(server: Language, client: Language): string {
  return `${server} ${client}`;
}
