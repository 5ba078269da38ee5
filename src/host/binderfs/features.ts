/**
 * The files of `features/`, each of which reads `1`: what this driver can do beyond the protocol's first version. A
 * library that does not find a file takes it that the driver cannot. `logical_threads` is ours alone (abi/logical-threads.ts).
 */
export const FEATURES: readonly string[] = [
  'oneway_spam_detection',
  'extended_error',
  'freeze_notification',
  'logical_threads',
];

/** What each of the files holds. */
export const FEATURE_CONTENT = '1\n';
