import {
  type Annotation,
  type Argument,
  canonicalName,
  constantsOf,
  type DefinedType,
  type Document,
  fieldsOf,
  findAnnotation,
  isDefinedType,
  type Method,
  methodsOf,
  signature,
  type TypeSpecifier,
  withNested,
} from './ast.ts';
import { hasPermission } from './check.ts';
import { type Reporter, type Severity, WARNINGS, type WarningName } from './diagnostics.ts';
import type { Location } from './source.ts';

type Levels = Readonly<Partial<Record<WarningName, Severity>>>;
type Report = (location: Location, text: string) => void;

/** What one kind of warning looks at. */
interface Visitor {
  readonly warning: WarningName;
  type?: (type: DefinedType, report: Report) => void;
  method?: (method: Method, report: Report) => void;
  argument?: (argument: Argument, report: Report) => void;
  specifier?: (type: TypeSpecifier, report: Report) => void;
  document?: (document: Document, report: Report) => void;
}

/** False where a warning is an error, by -Werror or by its nature. */
export function reportWarnings(document: Document, levels: Levels, reporter: Reporter): boolean {
  let valid = reportUnknown(document, reporter);
  for (const visitor of VISITORS) {
    const { warning } = visitor;
    const level = levels[warning] ?? (WARNINGS[warning] ? 'warning' : 'off');
    if (level === 'off') continue;
    visit(document, visitor, (location, text) => {
      if (level === 'error') valid = false;
      reporter.report({ severity: level, location, text, warning });
    });
  }
  return valid;
}

/** Warnings that are suppressed and do not exist. */
function reportUnknown(document: Document, reporter: Reporter): boolean {
  let valid = true;
  const check = (names: readonly string[], location: Location) => {
    for (const name of names) {
      if (Object.hasOwn(WARNINGS, name)) continue;
      valid = false;
      const text = `unknown warning: ${name}`;
      reporter.report({ severity: 'error', location, text, warning: 'unknown-warning' });
    }
  };
  for (const type of withNested(document.types)) {
    check(suppressedBy(type), type.location);
    for (const { type: returned } of methodsOf(type)) check(suppressedBy(returned), returned.location);
  }
  return valid;
}

const silent: Report = () => {};

/** Shows the visitor all of the document but what suppresses its warning. */
function visit(document: Document, visitor: Visitor, report: Report): void {
  const suppresses = (node: { annotations: readonly Annotation[] }) =>
    node.annotations.length > 0 && suppressedBy(node).includes(visitor.warning);
  const specifier = (type: TypeSpecifier, inner: Report): void => {
    visitor.specifier?.(type, inner);
    for (const parameter of type.parameters ?? []) specifier(parameter, inner);
  };
  const visitMethod = (method: Method, outer: Report): void => {
    const inner = suppresses(method.type) ? silent : outer;
    visitor.method?.(method, inner);
    specifier(method.type, inner);
    for (const argument of method.arguments) {
      visitor.argument?.(argument, inner);
      specifier(argument.type, inner);
    }
  };
  const visitType = (type: DefinedType, outer: Report): void => {
    const inner = suppresses(type) ? silent : outer;
    visitor.type?.(type, inner);
    for (const member of type.members) {
      if (member.kind === 'method') visitMethod(member, inner);
      else if (!isDefinedType(member)) specifier(member.type, inner);
      else if (!member.implicit) visitType(member, inner);
    }
  };
  visitor.document?.(document, report);
  for (const type of document.types) visitType(type, report);
}

function suppressedBy(node: { annotations: readonly Annotation[] }): string[] {
  const value = findAnnotation(node, 'SuppressWarnings')?.parameters.get('value');
  return (value?.parts ?? []).map(({ text }) => text.slice(1, -1));
}

const isUpper = (name: string) => name.toUpperCase() === name;
const NOT_ANNOTATED =
  ' is not annotated for permissions. Declare which permissions are required using @EnforcePermission. If ' +
  'permissions are manually verified within the implementation, use @PermissionManuallyEnforced. If no ' +
  'permissions are required, use @RequiresNoPermission.';

/** In the order in which aidl tells them. */
const VISITORS: readonly Visitor[] = [
  {
    warning: 'interface-name',
    type: ({ kind, name, location }, report) => {
      if (kind !== 'interface' || name.startsWith('I')) return;
      report(location, 'Interface names should start with I.');
    },
  },
  {
    warning: 'inout-parameter',
    argument: ({ direction, name, location }, report) => {
      if (direction !== 'inout') return;
      report(
        location,
        `${name} is 'inout'. Avoid inout parameters. This is somewhat confusing for clients because ` +
          "although the parameters are 'in', they look out 'out' parameters.",
      );
    },
  },
  {
    warning: 'const-name',
    type: (type, report) => {
      for (const { name, location } of type.enumerators) {
        if (!isUpper(name)) report(location, `Enum values should be named in upper case: ${name}`);
      }
      for (const { name, location } of constantsOf(type)) {
        if (!isUpper(name)) report(location, `Constants should be named in upper case: ${name}`);
      }
    },
  },
  {
    warning: 'enum-explicit-default',
    type: (type, report) => {
      const fields = type.kind === 'union' ? fieldsOf(type).slice(0, 1) : fieldsOf(type);
      for (const { name, location, type: of, valueWritten } of fields) {
        if (valueWritten || findAnnotation(of, 'nullable') || of.array || of.definition?.kind !== 'enum')
          continue;
        report(location, `The enum field '${name}' has no explicit value.`);
      }
    },
  },
  {
    warning: 'mixed-oneway',
    type: (type, report) => {
      const counted = methodsOf(type).filter((method) => !suppressedBy(method.type).includes('mixed-oneway'));
      if (new Set(counted.map(({ oneway }) => oneway)).size < 2) return;
      report(
        type.location,
        `The interface '${type.name}' has both one-way and two-way methods. This makes it hard to reason ` +
          'about threading of client code.',
      );
    },
  },
  {
    warning: 'out-array',
    method: (method, report) => {
      for (const { name, type, direction } of method.arguments) {
        if (!type.array || direction === 'in') continue;
        report(
          method.location,
          `The method '${method.name}' an array output parameter '${name}'. Instead prefer APIs like ` +
            `'${signature(type)} ${method.name}(...).`,
        );
      }
    },
  },
  {
    warning: 'file-descriptor',
    specifier: ({ name, location }, report) => {
      if (name !== 'FileDescriptor') return;
      report(location, 'Please use ParcelFileDescriptor instead of FileDescriptor.');
    },
  },
  {
    warning: 'out-nullable',
    argument: ({ name, type, direction, location }, report) => {
      if (type.array || direction === 'in' || !findAnnotation(type, 'nullable')) return;
      report(
        location,
        `'${name}' is an ${direction} parameter and also nullable. Some backends don't support setting null ` +
          'value to out parameters. Please use it as return value or drop @nullable to avoid potential errors.',
      );
    },
  },
  {
    warning: 'unique-import',
    document: ({ imports, types, location }, report) => {
      const seen = new Set<string>();
      for (const { name } of imports) {
        const simple = name.slice(name.lastIndexOf('.') + 1);
        if (types.some((type) => type.name === simple && canonicalName(type) !== name)) {
          report(location, `${simple} is already defined in this file.`);
        }
        if (seen.has(simple)) report(location, `${simple} is already imported.`);
        seen.add(simple);
      }
    },
  },
  {
    warning: 'untyped-collection',
    specifier: ({ name, parameters, location }, report) => {
      if ((name !== 'List' && name !== 'Map') || parameters) return;
      report(location, 'Use List<V> or Map<K,V> instead.');
    },
  },
  {
    warning: 'missing-permission-annotation',
    type: (type, report) => {
      if (type.kind !== 'interface' || hasPermission(type)) return;
      const methods = methodsOf(type);
      const bare = methods.filter((method) => !hasPermission(method.type));
      if (bare.length === methods.length) {
        const whole = ' This can be done for the whole interface or for each method.';
        report(type.location, type.name + NOT_ANNOTATED + whole);
        return;
      }
      for (const method of bare) {
        report(method.location, method.name + NOT_ANNOTATED);
      }
    },
  },
  {
    warning: 'redundant-name',
    type: (type, report) => {
      const words = nameWords(type);
      const check = (what: string, name: string) => {
        const parts = name.split('_');
        for (const word of words) {
          if (!parts.includes(word)) continue;
          const text = `The ${what} '${name}' has a redundant substring '${word}' being defined in '${type.name}'`;
          report(what === 'enumerator' ? type.location : constantAt(type, name), text);
        }
      };
      for (const { name } of type.enumerators) check('enumerator', name);
      for (const { name } of constantsOf(type)) check('constant', name);
    },
  },
  {
    warning: 'redundant-oneway',
    type: (type, report) => {
      if (!type.oneway) return;
      for (const { name, onewayWritten } of methodsOf(type)) {
        if (!onewayWritten) continue;
        const text = `The interface '${type.name}' is oneway. Redundant oneway annotation for method '${name}'.`;
        report(type.location, text);
      }
    },
  },
];

const constantAt = (type: DefinedType, name: string): Location =>
  constantsOf(type).find((constant) => constant.name === name)!.location;

/** The words of a type's name in upper case, without an interface's I: IFooBar gives FOO and BAR. */
function nameWords({ kind, name }: DefinedType): string[] {
  const base = kind === 'interface' && /^I[A-Z]/.test(name) ? name.slice(1) : name;
  return (base.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? []).map((word) => word.toUpperCase());
}
