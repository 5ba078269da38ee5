/**
 * What differs in parcels between Android releases (their framework sources, `Parcel.cpp`, `Stability.cpp` and
 * `Parcel.java`):
 *
 * | Android | header word | stability word after a binder | values of a Map |
 * | --- | --- | --- | --- |
 * | 11 | `SYST` or `VNDR` | level | plain |
 * | 12 | the same | `{ u8 version = 1, u8 0, u8 0, u8 level }` | plain |
 * | 13, 14 | and `RECO` | level | maps, lists and parcelables preceded by their length |
 * | 15, 16 | and `UNKN`, what libbinder built for other systems writes | the same | the same |
 */
export interface Variant {
  readonly android: AndroidVersion;
  /** The header this process writes. Default `SYST`, as libgbinder, rsbinder and Android itself do. */
  readonly header: Header;
  /** The stability word has the form of a Category. */
  readonly hasCategory: boolean;
  /** Compound values in a Map are preceded by their length. */
  readonly hasValueLengths: boolean;
}

/** Releases of Android whose parcels are known. */
export type AndroidVersion = 11 | 12 | 13 | 14 | 15 | 16;

/** Who built the sender's libbinder: the system, a vendor, the recovery system, or somebody else. */
export type Header = 'SYST' | 'VNDR' | 'RECO' | 'UNKN';

/** The stability of an object that does not say: nobody outside may rely on it. */
export const STABILITY_UNDECLARED = 0;
/** Those who come with the vendor may rely on the object. */
export const STABILITY_VENDOR = 0b000011;
/** Those who come with the system may rely on the object. */
export const STABILITY_SYSTEM = 0b001100;
/** All may rely on the object: its interface is frozen (`@VintfStability`). */
export const STABILITY_VINTF = 0b111111;

const HEADERS: readonly Header[] = ['SYST', 'VNDR', 'RECO', 'UNKN'];

/** A variant. @throws RangeError for an Android version that is not known, or a header that it does not have. */
export function variantOf(android: AndroidVersion = 16, header: Header = 'SYST'): Variant {
  if (!(Number.isInteger(android) && android >= 11 && android <= 16)) {
    throw new RangeError(`Cannot speak the Binder of Android ${android}: known are 11 to 16`);
  }
  const isKnown = HEADERS.indexOf(header) < (android < 13 ? 2 : android < 15 ? 3 : 4);
  if (!HEADERS.includes(header) || !isKnown) {
    throw new RangeError(`Cannot use header ${header}: Android ${android} does not have it`);
  }
  return { android, header, hasCategory: android === 12, hasValueLengths: android >= 13 };
}

/** The newest. */
export const DEFAULT_VARIANT: Variant = variantOf();

/** The word that stands for a header: its letters, the first in the highest byte. */
export function headerWord(header: Header): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word = (word << 8) | header.charCodeAt(i);
  return word;
}

/**
 * Why a parcel with header `word` is not for a process of this variant; `null` when it is. System and unknown ones
 * understand each other: they differ in who built them, not in what they write.
 */
export function headerMismatch(word: number, variant: Variant): string | null {
  const known = HEADERS.find((header) => headerWord(header) === word);
  const isNeutral = (header: Header | undefined) => header === 'SYST' || header === 'UNKN';
  if (known === variant.header || (isNeutral(known) && isNeutral(variant.header))) return null;
  const wanted = isNeutral(variant.header) ? 'SYST or UNKN' : variant.header;
  const found = known ?? `0x${(word >>> 0).toString(16).padStart(8, '0')}, which is none`;
  return `its header is ${found}, but this process takes ${wanted}: the two are built for different parts of a system`;
}

/** The word after a binder. */
export function stabilityWord(level: number, variant: Variant): number {
  return variant.hasCategory && level !== 0 ? 1 | (level << 24) : level;
}

/** The level in the word after a binder; −1 when it is none of this variant. */
export function stabilityLevel(word: number, variant: Variant): number {
  let level = word;
  if (variant.hasCategory && word !== 0) {
    if ((word & 0xff) !== 1) return -1;
    level = word >>> 24;
  }
  const isLevel =
    level === STABILITY_UNDECLARED ||
    level === STABILITY_VENDOR ||
    level === STABILITY_SYSTEM ||
    level === STABILITY_VINTF;
  return isLevel ? level : -1;
}
