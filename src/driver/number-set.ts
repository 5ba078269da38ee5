/** All 32 bits of a word. */
const FULL = -1;

/** A set of small whole numbers, one bit each, in which the lowest that is missing is found 32 at a time. */
export class NumberSet {
  #words = new Int32Array(4);
  /** All words before this one are full. */
  #firstGap = 0;

  add(number: number): void {
    const word = number >>> 5;
    if (word >= this.#words.length) {
      const words = new Int32Array(Math.max(2 * this.#words.length, word + 1));
      words.set(this.#words);
      this.#words = words;
    }
    this.#words[word] = (this.#words[word] as number) | (1 << (number & 31));
  }

  delete(number: number): void {
    const word = number >>> 5;
    this.#words[word] = (this.#words[word] as number) & ~(1 << (number & 31));
    if (word < this.#firstGap) this.#firstGap = word;
  }

  get lowestMissing(): number {
    const words = this.#words;
    while (words[this.#firstGap] === FULL) this.#firstGap++;
    const missing = ~(words[this.#firstGap] ?? 0);
    return 32 * this.#firstGap + 31 - Math.clz32(missing & -missing);
  }
}
