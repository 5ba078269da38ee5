// What Debian's aidl 14 said of each file of the corpus (record.mjs), and what our compiler says.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apiMapping, compile, dumpApi, formatDiagnostic, preprocess } from '../../src/aidl/index.ts';
import { optionsFor } from '../support/aidl.ts';
import { cases, comparable, goldenFile, pairsOf } from './corpus.mjs';

interface Verdict {
  accepted: boolean;
  aborted?: boolean;
  messages: string[];
  dump?: string;
  preprocessed?: string;
  mapping?: string[];
}

const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Record<string, Verdict>;

describe('the corpus, as aidl 14 judges it', () => {
  it('has a verdict for each case', () => {
    expect(Object.keys(golden)).toEqual(cases().map(({ name }) => name));
  });

  it.each(cases())('$name $file', ({ name, directory, file, args }) => {
    const { diagnostics, document } = compile(file, optionsFor(directory, args));
    const verdict = golden[name]!;
    const messages = diagnostics.map((one) => Buffer.from(formatDiagnostic(one), 'latin1').toString());
    expect({ accepted: document !== undefined, messages: comparable(messages) }).toEqual({
      accepted: verdict.accepted,
      messages: comparable(verdict.aborted ? messages : verdict.messages),
    });
    if (verdict.dump === undefined) return;
    const types = document!.types;
    expect(dumpApi(types[0]!)).toBe(verdict.dump);
    // aidl leaves the quotes of headers out, and cannot read what it wrote.
    const declared = types
      .map(preprocess)
      .join('')
      .replace(/(_header|rust_type) "([^"]*)"/g, '$1 $2');
    expect(declared).toBe(verdict.preprocessed);
    expect(pairsOf(types.map(apiMapping).join(''))).toEqual(verdict.mapping);
  });
});
