import { BINDER_TYPE_FD } from '../../abi/binder.ts';
import { BinderError } from './errors.ts';
import { codecsOf } from './named-codec.ts';
import { type FileDescriptor, Parcel, type ParcelObjects } from './parcel.ts';
import { type CustomSpec, type ParcelableSpec, type Stability, spec, type UnionSpec } from './type-spec.ts';

/** A parcelable's type as a holder wants it: what `defineParcelable`, `defineUnion` and `defineCustomParcelable` return. */
export interface HeldType<T, Init = T> {
  readonly [spec]: ParcelableSpec | UnionSpec | CustomSpec;
  /** Only for the compiler. */
  readonly '~types'?: { decoded: T; init: Init };
}

const STABILITIES: readonly Stability[] = ['local', 'vintf'];

/**
 * Holds any parcelable, so that others can extend what an interface carries. It is read when somebody asks, who must know
 * the type; one that nobody asks is passed on as it came.
 *
 * ```
 *   i32 stability | i32 size of what follows (0: empty) | String16 descriptor | the parcelable
 * ```
 */
export class ParcelableHolder {
  readonly stability: Stability;
  #value: unknown;
  #type: HeldType<unknown> | null = null;
  #raw: RawValue | null = null;

  constructor(stability: Stability = 'local') {
    this.stability = stability;
  }

  /** The descriptor of what it holds; `null` when it is empty. */
  get descriptor(): string | null {
    return this.#type?.[spec].descriptor ?? this.#raw?.descriptor ?? null;
  }

  /**
   * Puts a value in.
   *
   * @throws BinderError BAD_VALUE when a `vintf` holder is given a type that is not.
   */
  set<T, Init>(type: HeldType<T, Init>, value: Init): void {
    const { descriptor, stability = 'local' } = type[spec];
    if (this.stability === 'vintf' && stability !== 'vintf') {
      throw new BinderError(
        'BAD_VALUE',
        `Cannot hold ${descriptor}: the holder is vintf, the type is ${stability}`,
      );
    }
    this.#type = type as HeldType<unknown>;
    this.#value = value;
    this.#raw = null;
  }

  /**
   * What it holds, if that is of this type; `null` otherwise, also when it is empty.
   *
   * @throws BinderError when the bytes are not of the type that they claim to be.
   */
  get<T, Init>(type: HeldType<T, Init>): T | null {
    const raw = this.#raw;
    if (raw && raw.descriptor === type[spec].descriptor) {
      raw.parcel.rewind();
      this.#value = codecsOf(type).plain.read(raw.parcel);
      this.#type = type as HeldType<unknown>;
      this.#raw = null;
    }
    return this.#type?.[spec].descriptor === type[spec].descriptor ? (this.#value as T) : null;
  }

  /** Empties it. */
  reset(): void {
    this.#type = null;
    this.#raw = null;
    this.#value = undefined;
  }

  /** For codecs. */
  writeTo(parcel: Parcel): void {
    parcel.writeInt32(STABILITIES.indexOf(this.stability));
    const size = parcel.beginSize();
    const { descriptor } = this;
    if (descriptor === null) return;
    const start = parcel.position;
    parcel.writeString(descriptor);
    if (this.#type) codecsOf(this.#type).plain.write(parcel, this.#value);
    else this.#raw?.writeTo(parcel);
    parcel.endSize(size, parcel.position - start);
  }

  /** For codecs. */
  static readFrom(parcel: Parcel): ParcelableHolder {
    const word = parcel.readInt32();
    const stability = STABILITIES[word];
    if (!stability)
      throw new BinderError('BAD_VALUE', `Cannot read a holder of stability ${word}: known are 0 and 1`);
    const holder = new ParcelableHolder(stability);
    const size = parcel.readInt32();
    if (size < 0 || (size & 3) !== 0)
      throw new BinderError('BAD_VALUE', `Cannot read a holder of ${size} bytes`);
    if (size === 0) return holder;
    const outer = parcel.enter(parcel.position + size);
    const descriptor = parcel.readString();
    holder.#raw = new RawValue(descriptor, parcel);
    parcel.leave(outer);
    return holder;
  }
}

/**
 * A held value that nobody has read: its bytes, and the objects among them, which are received at once because their
 * buffer will be gone.
 */
class RawValue implements ParcelObjects {
  readonly descriptor: string;
  readonly parcel: Parcel;
  readonly #received = new Map<number, unknown>();

  constructor(descriptor: string, from: Parcel) {
    this.descriptor = descriptor;
    const start = from.position;
    const end = from.limit;
    const offsets = from.offsets.filter((at) => at >= start && at < end);
    for (const at of offsets) {
      from.seek(at);
      this.#received.set(
        at - start,
        from.objectType(at) === BINDER_TYPE_FD ? from.readFile() : from.readBinder(),
      );
    }
    from.seek(start);
    const bytes = from.readBytes(end - start);
    this.parcel = new Parcel(
      this,
      from.variant,
      bytes,
      offsets.map((at) => at - start),
    );
  }

  unflatten(): unknown {
    return this.#received.get(this.parcel.position - 28);
  }

  receiveFile(): FileDescriptor {
    return this.#received.get(this.parcel.position - 24) as FileDescriptor;
  }

  flatten(): never {
    throw new BinderError('INVALID_OPERATION', 'Cannot write into a received parcel');
  }

  sendFile(): never {
    return this.flatten();
  }

  /** Passes it on: bytes as they are, objects anew. */
  writeTo(parcel: Parcel): void {
    const { bytes } = this.parcel;
    let done = 0;
    for (const [at, object] of [...this.#received].sort(([a], [b]) => a - b)) {
      parcel.writeRaw(bytes.subarray(done, at));
      if (this.parcel.objectType(at) === BINDER_TYPE_FD) {
        parcel.writeFile(object as FileDescriptor);
        done = at + 24;
      } else {
        parcel.writeBinder(object);
        done = at + 28;
      }
    }
    parcel.writeRaw(bytes.subarray(done));
  }
}
