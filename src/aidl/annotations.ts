/** The type an annotation's parameter has. */
export type ParameterType = 'String' | 'String[]' | 'boolean' | 'int' | 'long';

/** What an annotation may stand on, in the order in which messages list it. */
export const CONTEXTS = {
  interface: 1,
  enum: 2,
  'parcelable definition': 4,
  union: 8,
  'parcelable declaration': 16,
  constant: 32,
  field: 64,
  method: 128,
  type: 256,
} as const;

const { interface: INTERFACE, enum: ENUM, union: UNION, constant, field, method, type: TYPE } = CONTEXTS;
const PARCELABLE = CONTEXTS['parcelable definition'];
const UNSTRUCTURED = CONTEXTS['parcelable declaration'];
const DECLARED = INTERFACE | ENUM | PARCELABLE | UNION | UNSTRUCTURED;
const MEMBER = constant | field | method;

export interface AnnotationSchema {
  readonly name: string;
  /** A sum of {@link CONTEXTS}. */
  readonly contexts: number;
  readonly parameters: Readonly<Record<string, ParameterType>>;
  readonly required?: string;
  readonly repeatable?: boolean;
}

const derives = ['Copy', 'Clone', 'PartialOrd', 'Ord', 'PartialEq', 'Eq', 'Hash'];

/** The annotations of Android 14, in the order in which messages list them. */
export const ANNOTATIONS: readonly AnnotationSchema[] = [
  { name: 'nullable', contexts: TYPE, parameters: { heap: 'boolean' } },
  { name: 'utf8InCpp', contexts: TYPE, parameters: {} },
  { name: 'SensitiveData', contexts: INTERFACE, parameters: {} },
  { name: 'VintfStability', contexts: DECLARED, parameters: {} },
  {
    name: 'UnsupportedAppUsage',
    contexts: DECLARED | MEMBER,
    parameters: {
      expectedSignature: 'String',
      implicitMember: 'String',
      maxTargetSdk: 'int',
      publicAlternatives: 'String',
      trackingBug: 'long',
    },
  },
  { name: 'JavaOnlyStableParcelable', contexts: UNSTRUCTURED, parameters: {} },
  { name: 'NdkOnlyStableParcelable', contexts: UNSTRUCTURED, parameters: {} },
  { name: 'RustOnlyStableParcelable', contexts: UNSTRUCTURED, parameters: {} },
  { name: 'Backing', contexts: ENUM, parameters: { type: 'String' }, required: 'type' },
  {
    name: 'JavaPassthrough',
    contexts: DECLARED | MEMBER | TYPE,
    parameters: { annotation: 'String' },
    required: 'annotation',
    repeatable: true,
  },
  {
    name: 'JavaDerive',
    contexts: PARCELABLE | UNION | ENUM,
    parameters: { toString: 'boolean', equals: 'boolean' } as Record<string, ParameterType>,
  },
  { name: 'JavaDefault', contexts: INTERFACE, parameters: {} },
  { name: 'JavaDelegator', contexts: INTERFACE, parameters: {} },
  { name: 'JavaOnlyImmutable', contexts: PARCELABLE | UNION | UNSTRUCTURED, parameters: {} },
  {
    name: 'JavaSuppressLint',
    contexts: DECLARED | MEMBER | TYPE,
    parameters: { value: 'String[]' },
    required: 'value',
  },
  { name: 'FixedSize', contexts: PARCELABLE | UNION, parameters: {} },
  { name: 'Descriptor', contexts: INTERFACE, parameters: { value: 'String' }, required: 'value' },
  {
    name: 'RustDerive',
    contexts: PARCELABLE | UNION | ENUM,
    parameters: Object.fromEntries(derives.map((name) => [name, 'boolean' as const])),
  },
  {
    name: 'SuppressWarnings',
    contexts: DECLARED | MEMBER,
    parameters: { value: 'String[]' },
    required: 'value',
  },
  {
    name: 'EnforcePermission',
    contexts: INTERFACE | method,
    parameters: { value: 'String', anyOf: 'String[]', allOf: 'String[]' },
  },
  { name: 'PermissionManuallyEnforced', contexts: INTERFACE | method, parameters: {} },
  { name: 'RequiresNoPermission', contexts: INTERFACE | method, parameters: {} },
  { name: 'PropagateAllowBlocking', contexts: method, parameters: {} },
];

const byName = new Map(ANNOTATIONS.map((schema) => [schema.name, schema]));

export function annotationSchema(name: string): AnnotationSchema | undefined {
  return byName.get(name);
}
