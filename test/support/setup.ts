import { afterAll } from 'vitest';
import { removeCompiled } from './compile.ts';

// vitest ends its workers by a signal: what a file of tests compiled goes with its last test.
afterAll(removeCompiled);
