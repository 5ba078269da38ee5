// Written by `ubinder aidl` from ubinder/wire/Medium.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

export type Medium = ub.EnumValue<typeof Medium_members>;

const Medium_members = {
  NONE: 0,
  /** The first bit. */
  FIRST: 1,
  SECOND: 2,
  BOTH: 3,
  /** @deprecated use BOTH */
  LAST: -2147483648,
} as const;

export const Medium: ub.EnumType<typeof Medium_members> = ub.defineEnum(
  'ubinder.wire.Medium',
  'int',
  Medium_members,
);
