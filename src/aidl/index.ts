/** The AIDL compiler: reads and checks AIDL as Android's `aidl` does, and writes TypeScript. */
export { apiMapping } from './api-mapping.ts';
export type * from './ast.ts';
export { canonicalName, methodSignature, signature } from './ast.ts';
export { type ApiDump, type ApiLevel, checkApi } from './check-api.ts';
export { type Compilation, type CompileOptions, compile } from './compile.ts';
export { decodeReply, decodeTransaction } from './decode/decode-transaction.ts';
export type { DecodedData, DecodedObject, DecodedTransaction, DecodedValue } from './decode/decoded.ts';
export { AidlModel } from './decode/model.ts';
export { dependencyFile } from './dependency-file.ts';
export {
  type Diagnostic,
  formatDiagnostic,
  type Severity,
  WARNINGS,
  type WarningName,
} from './diagnostics.ts';
export { dumpApi, dumpHead } from './dump-api.ts';
export { MAX_METHOD_ID, META_METHOD_IDS } from './method-ids.ts';
export { preprocess } from './preprocess.ts';
export { formatLocation, type Location, type Point } from './source.ts';
export type { StabilityOptions } from './stability.ts';
export { generateTypeScript, type TypeScriptModule, type TypeScriptOutput } from './typescript/generate.ts';
export type { ModuleOptions } from './typescript/module-scope.ts';
export { warningLevels } from './warning-levels.ts';
