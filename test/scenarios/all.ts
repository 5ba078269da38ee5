import { buffers } from './buffers.ts';
import { calls } from './calls.ts';
import { conversations } from './conversations.ts';
import { death } from './death.ts';
import { descriptors } from './descriptors.ts';
import { extendedErrors } from './extended-errors.ts';
import { freezing } from './freeze.ts';
import { ioctls } from './ioctls.ts';
import { logs } from './logs.ts';
import { reference } from './reference.ts';
import { references } from './references.ts';
import { scatterGather } from './scatter-gather.ts';
import type { Scenario } from './scenario.ts';
import { streams } from './streams.ts';
import { threads } from './threads.ts';
import { vulnerabilities } from './vulnerabilities.ts';

/** All scenarios, by family. */
export const families: Record<string, readonly Scenario[]> = {
  reference,
  calls,
  references,
  death,
  buffers,
  descriptors,
  'scatter-gather': scatterGather,
  'extended errors': extendedErrors,
  streams,
  threads,
  ioctls,
  freezing,
  logs,
  vulnerabilities,
  conversations,
};
