// What `aidl --checkapi` said of each change of an API (record.mjs), and what our compiler says.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkApi, formatDiagnostic } from '../../src/aidl/index.ts';
import { apiChanges } from './api-changes.mjs';
import { apiGoldenFile, comparable } from './corpus.mjs';

type Level = 'compatible' | 'equal';
type Verdicts = Record<string, Record<Level, { accepted: boolean; messages: string[] }>>;

const golden = JSON.parse(readFileSync(apiGoldenFile, 'utf8')) as Verdicts;
/** Without the end, which was trimmed of the last, and with a blank that aidl forgot. */
const told = (messages: readonly string[]) =>
  comparable(messages.map((message) => message.trimEnd().replace(/: Parcelable(?=\S)/, '$& ')));

describe.each(['compatible', 'equal'] as const)('--checkapi=%s, as aidl 14 judges', (level) => {
  it.each(apiChanges)('$name', ({ name, before, after }) => {
    const files = new Map<string, string>();
    const dump = (directory: string, texts: Record<string, string>) => {
      for (const [path, text] of Object.entries(texts)) files.set(`${directory}/${path}`, text);
      return { directory, files: Object.keys(texts).map((path) => `${directory}/${path}`) };
    };
    const read = (path: string) => files.get(path);
    const diagnostics = checkApi(dump('old', before), dump('new', after), level, { read });
    const verdict = golden[name]![level];
    const messages = told(diagnostics.map(formatDiagnostic));
    expect({ accepted: messages.length === 0, messages }).toEqual({
      accepted: verdict.accepted,
      messages: told(verdict.messages),
    });
  });
});
