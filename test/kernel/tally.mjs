/** What occurred in conversations: which commands, answers, errors and objects, and how many steps changed something. */
export class Tally {
  #steps = 0;
  #changes = 0;
  #words = new Map();

  /** @param lines as conversation.ts writes them */
  add(lines) {
    for (const line of lines) {
      this.#steps++;
      if (changesState(line)) this.#changes++;
      for (const [word] of line.matchAll(/[A-Za-z_]{3,}/g)) {
        this.#words.set(word, (this.#words.get(word) ?? 0) + 1);
      }
    }
  }

  text() {
    const words = [...this.#words].sort(([a], [b]) => (a < b ? -1 : 1));
    const share = Math.round((100 * this.#changes) / Math.max(1, this.#steps));
    return `${this.#steps} steps, ${share} % of which changed something\n${words
      .map(([word, count]) => `  ${word} ${count}`)
      .join('\n')}`;
  }
}

/** Asking changes nothing, and neither does a read that finds nothing or a command that is refused. */
function changesState(line) {
  if (/ (polls|error|node|ref|reads \d+: EAGAIN)/.test(line)) return false;
  return !/: E[A-Z]+ 0 0$/.test(line) && !/ (manages|freezes [abc] \d): E/.test(line);
}
