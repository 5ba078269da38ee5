type Result = { async: true; value: Promise<string> } | { async: false; value: string };

/** `Atomics.waitAsync`: Node.js has had it since version 16, TypeScript's library for es2024. */
export const { waitAsync } = Atomics as unknown as {
  waitAsync(words: Int32Array, at: number, expected: number, timeout?: number): Result;
};
