// Written by `ubinder aidl` from ubinder/wire/Large.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

export type Large = ub.EnumValue<typeof Large_members>;

const Large_members = {
  NONE: 0n,
  BEYOND_INT: 4294967296n,
  LEAST: -9223372036854775807n,
} as const;

export const Large: ub.EnumType<typeof Large_members> = ub.defineEnum(
  'ubinder.wire.Large',
  'long',
  Large_members,
);
