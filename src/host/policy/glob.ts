/**
 * Whether `text` matches a pattern in which `*` stands for any characters, `/` included, and `?` for one. Takes time in
 * proportion to both lengths at worst: patterns come from a file, texts from clients.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  /** Where the latest `*` is in the pattern, and how far into the text it reaches so far. */
  let star = -1;
  let reach = 0;
  while (at < text.length) {
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      star = inPattern++;
      reach = at;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[at])) {
      inPattern++;
      at++;
    } else if (star !== -1) {
      inPattern = star + 1;
      at = ++reach;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}
