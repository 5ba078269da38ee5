/**
 * What make or ninja read to know when to compile again: the output depends on the AIDL file and on those it
 * imports. For make each source is a target, too, so that it does not stop where one was deleted.
 *
 * @param output the file that is generated, or `''` where none is
 */
export function dependencyFile(output: string, sources: readonly string[], ninja = false): string {
  const rule = `${output} : \\\n  ${sources.join(' \\\n  ')}\n`;
  return ninja ? rule : `${rule}\n${sources.map((source) => `${source} :\n`).join('')}`;
}
