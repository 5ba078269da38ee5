import { asBinder, linkToDeath, type Ref, release } from '../runtime/binder.ts';

interface Registration<T> {
  readonly callback: Ref<T>;
  readonly death: Disposable;
}

/** Callbacks by the name of a service: what of them dies is forgotten. */
export class Registrations<T> implements Disposable {
  readonly #byName = new Map<string, Registration<T>[]>();

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  of(name: string): Ref<T>[] {
    return (this.#byName.get(name) ?? []).map(({ callback }) => callback);
  }

  /** @param callback - owned from now on. The same object may be added several times, and is then told as often. */
  add(name: string, callback: Ref<T>): void {
    const all = this.#byName.get(name) ?? [];
    this.#byName.set(name, all);
    all.push({ callback, death: linkToDeath(callback, () => this.remove(name, callback)) });
  }

  /** Forgets an object, however often it was added. @returns whether it was there */
  remove(name: string, callback: Ref<T>): boolean {
    const all = this.#byName.get(name) ?? [];
    const key = asBinder(callback);
    const left = all.filter((one) => asBinder(one.callback) !== key);
    if (left.length === all.length) return false;
    if (left.length > 0) this.#byName.set(name, left);
    else this.#byName.delete(name);
    for (const one of all) if (!left.includes(one)) drop(one);
    return true;
  }

  [Symbol.dispose](): void {
    for (const all of this.#byName.values()) all.forEach(drop);
    this.#byName.clear();
  }
}

function drop({ callback, death }: Registration<unknown>): void {
  death[Symbol.dispose]();
  release(callback);
}
