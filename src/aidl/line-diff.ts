/** Lines of context that a hunk has before and behind what changed. */
const CONTEXT = 2;
/** Above this many pairs of lines a table of all would take too much memory; each line is then told as replaced. */
const MAX_PAIRS = 4_000_000;

type Edit = 'match' | 'add' | 'remove' | 'replace';

/**
 * Two texts and how they differ, in the words that aidl takes from GoogleTest. The names are what each is called.
 */
export function inequality(
  left: { readonly name: string; readonly text: string },
  right: { readonly name: string; readonly text: string },
): string {
  const named = [left, right]
    .map(({ name, text }) => `\n  ${name}\n    Which is: "${escaped(text)}"`)
    .join('');
  const [before, after] = [left, right].map(({ text }) => linesOf(text));
  const diff = before!.length > 1 || after!.length > 1 ? `\nWith diff:\n${unifiedDiff(before!, after!)}` : '';
  return `Expected equality of these values:${named}${diff}`;
}

/** The lines of an escaped text: the last keeps its end. */
const linesOf = (text: string): string[] => {
  const lines = escaped(text).split(/(?<!\\)((?:\\\\)*)\\n/);
  const joined: string[] = [];
  for (let at = 0; at < lines.length; at += 2) joined.push(lines[at]! + (lines[at + 1] ?? ''));
  if (joined.length > 1 && joined.at(-1) === '') joined.splice(-2, 2, `${joined.at(-2)}\\n`);
  return joined;
};

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
};

const escaped = (text: string): string =>
  text.replace(
    /[^ !#-[\]-~]/g,
    (character) => ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

function unifiedDiff(left: readonly string[], right: readonly string[]): string {
  const edits = editsOf(left, right);
  let text = '';
  let [l, r, at] = [0, 0, 0];
  while (at < edits.length) {
    for (; edits[at] === 'match'; at++, l++, r++);
    if (at === edits.length) break;
    const before = Math.min(l, CONTEXT);
    const [fromLeft, fromRight] = [l - before + 1, r - before + 1];
    const lines = left.slice(l - before, l).map((line) => ` ${line}`);
    // Of a run of changes, what went is shown before what came.
    let came: string[] = [];
    for (let matches = 0; at < edits.length; at++) {
      if (matches >= CONTEXT && !changesSoon(edits, at)) break;
      const edit = edits[at]!;
      matches = edit === 'match' ? matches + 1 : 0;
      if (edit === 'match') {
        lines.push(...came, ` ${left[l]}`);
        came = [];
      } else {
        if (edit !== 'add') lines.push(`-${left[l]}`);
        if (edit !== 'remove') came.push(`+${right[r]}`);
      }
      if (edit !== 'add') l++;
      if (edit !== 'remove') r++;
    }
    lines.push(...came);
    const count = (sign: string) => lines.filter((line) => line[0] === sign).length;
    const [common, removed, added] = [count(' '), count('-'), count('+')];
    const ranges = [
      ...(removed > 0 ? [`-${fromLeft},${removed + common}`] : []),
      ...(added > 0 ? [`+${fromRight},${added + common}`] : []),
    ];
    text += `@@ ${ranges.join(' ')} @@\n${lines.map((line) => `${line}\n`).join('')}`;
  }
  return text;
}

/** Whether the next change is so near that it belongs to the same hunk. */
function changesSoon(edits: readonly Edit[], at: number): boolean {
  const next = edits.findIndex((edit, index) => index >= at && edit !== 'match');
  return next >= 0 && next - at < CONTEXT;
}

/** The fewest changes that make one of the other; a line replaced costs a little more than one that comes or goes. */
function editsOf(left: readonly string[], right: readonly string[]): Edit[] {
  const [rows, columns] = [left.length + 1, right.length + 1];
  if (rows * columns > MAX_PAIRS) return [...left.map((): Edit => 'remove'), ...right.map((): Edit => 'add')];
  const costs = new Float64Array(rows * columns);
  const moves = new Array<Edit>(rows * columns);
  for (let l = 0; l < rows; l++) {
    for (let r = 0; r < columns; r++) {
      const cell = l * columns + r;
      if (l === 0 || r === 0) {
        costs[cell] = l + r;
        moves[cell] = l === 0 ? 'add' : 'remove';
        continue;
      }
      if (left[l - 1] === right[r - 1]) {
        costs[cell] = costs[cell - columns - 1]!;
        moves[cell] = 'match';
        continue;
      }
      const [add, remove, replace] = [costs[cell - 1]!, costs[cell - columns]!, costs[cell - columns - 1]!];
      if (add < remove && add < replace) {
        costs[cell] = add + 1;
        moves[cell] = 'add';
      } else if (remove < add && remove < replace) {
        costs[cell] = remove + 1;
        moves[cell] = 'remove';
      } else {
        costs[cell] = replace + 1.00001;
        moves[cell] = 'replace';
      }
    }
  }
  const edits: Edit[] = [];
  for (let l = rows - 1, r = columns - 1; l > 0 || r > 0; ) {
    const edit = moves[l * columns + r]!;
    edits.push(edit);
    if (edit !== 'add') l--;
    if (edit !== 'remove') r--;
  }
  return edits.reverse();
}
