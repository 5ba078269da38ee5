/** Comments with their markers. */
export type Comments = readonly string[];

const isBlock = (comment: string) => comment.startsWith('/*') && comment.endsWith('*/');

function tagged(comments: Comments): string | undefined {
  const last = comments.at(-1);
  return last !== undefined && isBlock(last) ? last : undefined;
}

/** Whether any block comment before the declaration has `@hide`. */
export function isHidden(comments: Comments): boolean {
  return comments.some((comment) => isBlock(comment) && /@hide\b/.test(comment));
}

/** The lines of a block comment without markers, leading stars and blank edges. */
export function commentLines(comment: string): string[] {
  if (!isBlock(comment)) return [comment.slice(2)];
  const lines: string[] = [];
  for (const line of comment.slice(2, -2).split('\n')) {
    const text = line.replace(/^[\s]*\*?[ ]?/, '').trimEnd();
    if (lines.length > 0 || text !== '') lines.push(text);
  }
  while (lines.at(-1)?.trim() === '') lines.pop();
  return lines;
}

/** What follows `@deprecated` in the declaration's comment; undefined where there is no such tag. */
export function deprecationNote(comments: Comments): string | undefined {
  const comment = tagged(comments);
  if (comment === undefined) return undefined;
  let tag = '';
  let paragraph: string[] = [];
  for (const line of commentLines(comment)) {
    const text = line.trimStart();
    const block = /^(@[A-Za-z]*) ?(.*)$/.exec(text);
    if (block) {
      if (tag === '@deprecated') break;
      tag = block[1]!;
      paragraph = block[2] === '' ? [] : [block[2]!];
    } else if (text !== '') {
      paragraph.push(text);
    }
  }
  return tag === '@deprecated' ? paragraph.join(' ') : undefined;
}

/** The tags that an API dump keeps, as comment lines. */
export function dumpTags(comments: Comments): string[] {
  const hidden = isHidden(comments);
  const note = deprecationNote(comments);
  if (note === undefined) return hidden ? ['/* @hide */'] : [];
  return ['/**', ...(hidden ? [' * @hide'] : []), ` * @deprecated ${note}`, ' */'];
}
