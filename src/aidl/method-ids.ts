import { type DefinedType, methodsOf } from './ast.ts';
import type { Reporter } from './diagnostics.ts';

/** The largest id a method can be given; those above are reserved for the compiler's own methods. */
export const MAX_METHOD_ID = 16_777_114;

/** The ids of the methods that an interface has when it is given a version and a hash. */
export const META_METHOD_IDS = { getInterfaceVersion: 16_777_214, getInterfaceHash: 16_777_213 } as const;

/** Gives the methods of an interface their ids, where they are not written. False, with an error reported, where ids are wrong. */
export function assignMethodIds(type: DefinedType, reporter: Reporter): boolean {
  const used = new Set<number>();
  let next = 0;
  let [written, assigned] = [false, false];
  for (const method of methodsOf(type)) {
    const error = (text: string) => {
      reporter.error(method.location, text);
      return false;
    };
    if (method.idWritten) written = true;
    else {
      assigned = true;
      method.id = next++;
    }
    if (written && assigned) {
      return error("You must either assign id's to all methods or to none of them.");
    }
    if (used.has(method.id)) {
      return error(`Found duplicate method id (${method.id}) for method ${method.name}`);
    }
    used.add(method.id);
    if (method.id > MAX_METHOD_ID) {
      return error(
        `Found out of bounds id (${method.id}) for method ${method.name}. ` +
          `Value for id must be between 0 and ${MAX_METHOD_ID} inclusive.`,
      );
    }
  }
  return true;
}
