/**
 * Parcels: AIDL's types as bytes, and back.
 *
 * @module
 */
export { type Codec, compileType } from './codec.ts';
export * from './errors.ts';
export { type HeldType, ParcelableHolder } from './holder.ts';
export { type FileDescriptor, type FlatBinder, NO_OBJECTS, Parcel, type ParcelObjects } from './parcel.ts';
export {
  defineCustomParcelable,
  defineEnum,
  defineParcelable,
  defineUnion,
  type EnumType,
  type EnumValue,
  type ParcelableType,
  type UnionType,
  withMembers,
} from './parcelable.ts';
export { readStatus, writeException, writeOk } from './status.ts';
export * from './type-spec.ts';
export * from './variant.ts';
