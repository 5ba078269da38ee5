export interface GrammarRow {
  readonly rule: string;
  readonly pattern: RegExp;
  readonly recovered?: true;
}
export interface ErrorRow {
  readonly text: string;
  readonly pattern: RegExp;
  readonly unreachable?: string;
}
export declare const GRAMMAR: readonly GrammarRow[];
export declare const TOKENS: readonly GrammarRow[];
export declare const ERRORS: readonly ErrorRow[];
