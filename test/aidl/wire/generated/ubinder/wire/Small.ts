// Written by `ubinder aidl` from ubinder/wire/Small.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

/** Backed by a byte: an array of these is packed. */
export type Small = ub.EnumValue<typeof Small_members>;

const Small_members = {
  NONE: 0,
  ONE: 1,
  LEAST: -128,
  MOST: 127,
} as const;

export const Small: ub.EnumType<typeof Small_members> = ub.defineEnum(
  'ubinder.wire.Small',
  'byte',
  Small_members,
);
