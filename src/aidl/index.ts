/** The AIDL compiler's front end: reads and checks AIDL as Android's `aidl` does. */
export type * from './ast.ts';
export { canonicalName, methodSignature, signature } from './ast.ts';
export { type Compilation, type CompileOptions, compile } from './compile.ts';
export {
  type Diagnostic,
  formatDiagnostic,
  type Severity,
  WARNINGS,
  type WarningName,
} from './diagnostics.ts';
export { dumpApi, dumpHead } from './dump-api.ts';
export { formatLocation, type Location, type Point } from './source.ts';
export { warningLevels } from './warning-levels.ts';
