export interface Case {
  readonly name: string;
  readonly directory: string;
  readonly file: string;
  readonly args: string[];
}
export declare const corpus: string;
export declare const goldenFile: string;
export declare const apiGoldenFile: string;
export declare function cases(): Case[];
export declare function comparable(messages: readonly string[]): string[];
export declare function belowBanner(dump: string): string;
export declare function pairsOf(mapping: string): string[];
