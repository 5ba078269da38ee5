export declare function canCountSyscalls(): boolean;
export declare function countSyscalls(
  daemon: { readonly pid: number },
  command: readonly string[],
): Promise<Record<string, number>>;
