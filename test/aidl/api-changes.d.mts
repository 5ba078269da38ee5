export interface ApiChange {
  readonly name: string;
  readonly before: Record<string, string>;
  readonly after: Record<string, string>;
}
export declare const apiChanges: readonly ApiChange[];
