import {
  canonicalName,
  type DefinedType,
  fieldsOf,
  inScopeOf,
  methodsOf,
  type TypeSpecifier,
} from './ast.ts';
import type { Reporter } from './diagnostics.ts';

/** What a file promises to keep. */
export interface StabilityOptions {
  /** All of it is defined in AIDL. */
  readonly structured?: boolean | undefined;
  /** It is an interface between Android and its vendors. */
  readonly stability?: 'vintf' | undefined;
  /** Refuse parcelables that are only declared (aidl's -b). */
  readonly failOnParcelable?: boolean | undefined;
}

/** Whether a type may be defined as it is. */
export function checkStability(
  type: DefinedType,
  { structured, stability, failOnParcelable }: StabilityOptions,
  reporter: Reporter,
): boolean {
  const error = (text: string) => {
    reporter.error(type.location, text);
    return false;
  };
  if (type.kind === 'unstructured') {
    if (structured && !inScopeOf(type, 'JavaOnlyStableParcelable')) {
      return error(
        'Cannot declare unstructured parcelable in a --structured interface. ' +
          'Parcelable must be defined in AIDL directly.',
      );
    }
    if (failOnParcelable) {
      return error(
        'Refusing to generate code with unstructured parcelables. Declared parcelables should be in ' +
          'their own file and/or cannot be used with --structured interfaces.',
      );
    }
  }
  if (!inScopeOf(type, 'VintfStability')) return true;
  let valid = true;
  if (stability !== 'vintf') {
    valid = error(`Must compile @VintfStability type w/ aidl_interface 'stability: "vintf"'`);
  }
  if (!structured) valid = error('Must compile @VintfStability type w/ aidl_interface --structured');
  return valid;
}

/** Reports what a file of this stability may not use: each type that it reaches is looked at. */
export function checkUse(
  type: DefinedType,
  { structured, stability }: StabilityOptions,
  reporter: Reporter,
): void {
  // aidl names its target language, which is Java unless an option says otherwise.
  const name = canonicalName(type);
  const stable = inScopeOf(type, 'JavaOnlyStableParcelable');
  if (structured && type.kind === 'unstructured' && !stable) {
    const text = `${name} is not structured, but this is a structured interface in java`;
    reporter.error(type.location, text);
  }
  if (stability === 'vintf' && !stable && !inScopeOf(type, 'VintfStability')) {
    const text =
      `${name} does not have VINTF level stability (marked @VintfStability), ` +
      'but this interface requires it in java';
    reporter.error(type.location, text);
  }
  const untyped = (at: TypeSpecifier): boolean =>
    at.parameters ? at.parameters.some(untyped) : at.name === 'List' || at.name === 'Map';
  const refuse = (node: { readonly location: DefinedType['location'] }) => {
    reporter.error(
      node.location,
      'Encountered an untyped List or Map. The use of untyped List/Map is prohibited because it is not ' +
        'guaranteed that the objects in the list are recognizable in the receiving side. Consider ' +
        'switching to an array or a generic List/Map.',
    );
  };
  if (structured) {
    for (const method of methodsOf(type)) {
      if ([method, ...method.arguments].some((part) => untyped(part.type))) refuse(method);
    }
  }
  for (const field of fieldsOf(type)) if (untyped(field.type)) refuse(field);
}
