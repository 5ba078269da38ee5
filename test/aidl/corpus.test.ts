// What Debian's aidl 14 said of each file of the corpus (record.mjs), and what our compiler says.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  apiMapping,
  compile,
  dumpApi,
  formatDiagnostic,
  preprocess,
  warningLevels,
} from '../../src/aidl/index.ts';
import { type AidlOptions, addAidlOptions } from '../../src/cli/aidl-options.ts';
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
    const command = addAidlOptions(new Command()).parse(args, { from: 'user' });
    const options = command.opts<AidlOptions>();
    const { diagnostics, document } = compile(file, {
      read: (path) => {
        const full = join(directory, path);
        return existsSync(full) ? readFileSync(full, 'latin1') : undefined;
      },
      absolutePath: (path) => join(directory, path),
      includes: ['.', ...options.include, ...options.next_include],
      mustBeIncluded: true,
      preprocessed: options.preprocessed,
      structured: options.structured ?? false,
      failOnParcelable: options.b ?? false,
      warnings: warningLevels(options.W, options.w),
      ...(options.stability ? { stability: options.stability } : {}),
    });
    const verdict = golden[name]!;
    const messages = diagnostics.map((one) => Buffer.from(formatDiagnostic(one), 'latin1').toString());
    expect({ accepted: document !== undefined, messages: messages.slice(0, 1).map(comparable) }).toEqual({
      accepted: verdict.accepted,
      messages: (verdict.aborted ? messages : verdict.messages).slice(0, 1).map(comparable),
    });
    if (verdict.accepted) expect(messages).toEqual(verdict.messages);
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
