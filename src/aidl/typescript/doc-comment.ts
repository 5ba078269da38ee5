import { type Comments, commentLines } from '../comments.ts';
import { type Doc, hardLine } from './layout.ts';

/** The doc comment of a declaration, to stand before it; nothing where there is none. */
export function docComment(comments: Comments): Doc[] {
  const comment = comments.at(-1);
  if (!comment?.startsWith('/**') || comment.length < 5) return [];
  const lines = commentLines(comment);
  if (lines.length === 0) return [];
  if (lines.length === 1) return [`/** ${lines[0]!.trim()} */`, hardLine];
  const rest = lines.flatMap((text): Doc[] => [hardLine, text === '' ? ' *' : ` * ${text}`]);
  return ['/**', ...rest, hardLine, ' */', hardLine];
}
