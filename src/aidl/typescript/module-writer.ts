import {
  canonicalName,
  constantsOf,
  type DefinedType,
  type Field,
  fieldsOf,
  findAnnotation,
  inScopeOf,
  methodsOf,
  nestedTypesOf,
} from '../ast.ts';
import type { Compilation } from '../compile.ts';
import { interfaceDescriptor } from '../decode/model.ts';
import { docComment } from './doc-comment.ts';
import {
  array,
  assignment,
  block,
  brokenCall,
  call,
  type Doc,
  group,
  hardLine,
  ifBroken,
  indent,
  join,
  line,
  object,
  parameters,
  property,
  render,
  typeLiteral,
} from './layout.ts';
import { callerSignature, handlerSignature, methodTable } from './method-text.ts';
import { allowShadowing, type ModuleOptions, ModuleScope, moduleOf } from './module-scope.ts';
import { constantName, enumeratorName, fieldName, typeName, typePath } from './names.ts';
import { hasDefault, type Side, typeSpec, typeText } from './type-text.ts';
import { isMade, propertyKey, quote, valueText } from './value-text.ts';

/** What a module is written from besides its type. */
type Origin = Pick<Compilation, 'types' | 'version' | 'hash'>;

/** The module of a type: its text. */
export function writeModule(type: DefinedType, origin: Origin, options: ModuleOptions): string {
  // Only at the end is it known what the module imports, and which of the language's own names that hides.
  const draft = new ModuleScope(type, options);
  new ModuleWriter(type, origin, draft).text();
  return new ModuleWriter(type, origin, new ModuleScope(type, options, draft)).text();
}

/** A property that a type has besides what the runtime gives it: a constant, or a type nested in it. */
interface Member {
  readonly name: string;
  readonly comment: readonly Doc[];
  readonly type: Doc;
  readonly value: Doc;
}

/**
 * Writes a module: first types, in namespaces if they are nested, which leave nothing behind when types are erased; then
 * the constants that hold the tables, nested ones before those around them.
 */
class ModuleWriter {
  readonly #root: DefinedType;
  readonly #origin: Origin;
  readonly #scope: ModuleScope;
  readonly #values: Doc[] = [];
  /** The names of the module's own constants, by what they would be called if that was free. */
  readonly #constants = new Map<string, string>();

  constructor(root: DefinedType, origin: Origin, scope: ModuleScope) {
    this.#root = root;
    this.#origin = origin;
    this.#scope = scope;
  }

  text(): string {
    const types = this.#declare(this.#root);
    const head = `// Written by \`ubinder aidl\` from ${moduleOf(this.#root)}.aidl: change that, not this.`;
    const sections = [join(hardLine, [head, ...this.#scope.imports()]), ...types, ...this.#values];
    return render(join([hardLine, hardLine], sections));
  }

  /** The types' declarations; their values are collected on the way. */
  #declare(type: DefinedType): Doc[] {
    switch (type.kind) {
      case 'enum':
        return this.#enum(type);
      case 'interface':
        return this.#interface(type);
      case 'union':
        return this.#union(type);
      default:
        return this.#parcelable(type);
    }
  }

  // ---- Kinds of types ---------------------------------------------------------------------------------

  #interface(type: DefinedType): Doc[] {
    const scope = this.#scope;
    const methods = methodsOf(type);
    const callers = methods.map((method) => callerSignature(method, scope));
    const handlers = methods.map((method) => handlerSignature(method, scope));
    const { version, hash } = this.#origin;
    const entries: Doc[] = ['format: 1'];
    if (version !== undefined) entries.push(`version: ${version}`);
    if (hash !== undefined) entries.push(`hash: ${quote(hash)}`);
    if (inScopeOf(type, 'VintfStability')) entries.push("stability: 'vintf'");
    if (findAnnotation(type, 'SensitiveData')) entries.push('sensitive: true');
    const tables = methods.map((method) => methodTable(method, type, scope));
    entries.push(['methods: ', object(tables, true)]);
    const args = [quote(interfaceDescriptor(type)), object(entries, true)] as const;
    return [
      this.#exported(type, callers, 'object'),
      ...this.#rest(type, scope.ub('defineInterface'), args, [
        '/** What an implementation is made of. */',
        hardLine,
        exportedInterface('Handlers', handlers, 'object'),
      ]),
    ];
  }

  #parcelable(type: DefinedType): Doc[] {
    const empty = `${this.#scope.global('Record')}<string, never>`;
    const fields = fieldsOf(type).map(({ name, type: of, comments }): Doc => {
      const text = typeText(of, 'decoded', this.#scope);
      return [...docComment(comments), property(propertyKey(fieldName(name)), text)];
    });
    const init = fieldsOf(type).map((field) => this.#initField(field, type));
    return [
      this.#exported(type, fields, empty),
      ...this.#rest(type, this.#scope.ub('defineParcelable'), this.#fieldsTable(type), [
        '/** What is accepted for one: fields that have a default may be missing. */',
        hardLine,
        exportedInterface('Init', init, empty),
      ]),
    ];
  }

  #initField(field: Field, owner: DefinedType): Doc {
    const key = propertyKey(fieldName(field.name));
    const text = typeText(field.type, 'encoded', this.#scope);
    const isOptional = field.valueWritten || hasDefault(field.type, owner, this.#origin.types);
    return isOptional ? property(`${key}?`, `${text} | undefined`) : property(key, text);
  }

  #union(type: DefinedType): Doc[] {
    const declare = (name: string, side: Side): Doc => {
      const members = fieldsOf(type).map(({ name: tag, type: of, comments }): Doc => {
        const text = typeText(of, side, this.#scope);
        const member = typeLiteral([`tag: ${quote(fieldName(tag))}`, `value: ${text}`]);
        return side === 'decoded' ? [...docComment(comments), member] : member;
      });
      const separated = members.map((member, i): Doc => {
        const bar = i === 0 ? ifBroken('| ') : '| ';
        // A comment stands above the bar.
        return isCommented(member) ? [...member.slice(0, -1), bar, member.at(-1)!] : [bar, member];
      });
      return [`export type ${name} =`, group(indent([line, join(line, separated)])), ';'];
    };
    return [
      [...docComment(type.comments), declare(typeName(type), 'decoded')],
      ...this.#rest(type, this.#scope.ub('defineUnion'), this.#fieldsTable(type), [
        '/** What is accepted for one. */',
        hardLine,
        declare('Init', 'encoded'),
      ]),
    ];
  }

  /** The descriptor and the table. */
  #fieldsTable(type: DefinedType): readonly [Doc, Doc] {
    const isVintf = inScopeOf(type, 'VintfStability');
    const fields = fieldsOf(type).map((field) =>
      array([
        quote(fieldName(field.name)),
        typeSpec(field.type, this.#scope),
        ...this.#default(field, isVintf),
      ]),
    );
    const entries: Doc[] = ['format: 1'];
    if (isVintf) entries.push("stability: 'vintf'");
    entries.push(['fields: ', array(fields, fields.length > 1)]);
    return [quote(canonicalName(type)), object(entries, true)];
  }

  #default({ type, value, valueWritten }: Field, isVintf: boolean): Doc[] {
    if (type.name === 'ParcelableHolder' && isVintf) {
      return [`() => new ${this.#scope.ub('ParcelableHolder')}('vintf')`];
    }
    if (!valueWritten || !value) return [];
    const text = valueText(value, type, this.#scope);
    return isMade(value, type) ? [['() => ', text]] : [text];
  }

  #enum(type: DefinedType): Doc[] {
    const scope = this.#scope;
    const held = this.#membersOf(type);
    const members = type.enumerators.map(({ name: key, value, comments }): Doc => {
      const text = valueText(value, type.backing!, scope);
      return [...docComment(comments), `${propertyKey(enumeratorName(key))}: `, text];
    });
    this.#values.push([`const ${held} = `, object(members, true), ' as const;']);
    const args = [quote(canonicalName(type)), quote(type.backing!.name), held];
    const define = scope.ub('defineEnum');
    this.#hold(type, define, group([define, parameters(args)]));
    const values = `${scope.ub('EnumValue')}<typeof ${held}>`;
    return [[...docComment(type.comments), `export type ${typeName(type)} = ${values};`]];
  }

  // ---- What types have in common ----------------------------------------------------------------------

  #exported(type: DefinedType, members: readonly Doc[], empty: string): Doc {
    return [...docComment(type.comments), exportedInterface(typeName(type), members, empty)];
  }

  /** The namespace of what belongs to a type; and, for later, its value. */
  #rest(type: DefinedType, define: string, args: readonly [Doc, Doc], own: Doc): Doc[] {
    const definition = call(define, [args[0]], args[1]);
    const nested = nestedTypesOf(type).flatMap((inner) => this.#declare(inner));
    const members = this.#members(type);
    const inside = [own, ...nested];
    if (members.length > 0) {
      const properties = members.map(
        ({ name, comment, type: of }): Doc => [...comment, `readonly ${propertyKey(name)}: `, of, ';'],
      );
      inside.push([
        `/** ${typeName(type)} itself, with its constants and the types in it. */`,
        hardLine,
        block(`export interface Type extends ${this.#baseText(type)}`, properties),
      ]);
      const values = members.map(({ name, value }): Doc => [`${propertyKey(name)}: `, value]);
      const add = this.#scope.ub('withMembers');
      this.#hold(type, add, brokenCall(add, [definition, object(values)]));
    } else {
      this.#hold(type, define, definition);
    }
    const spaced = join([hardLine, hardLine], inside);
    return [block(`export namespace ${typeName(type)}`, [spaced])];
  }

  /** The constant that holds a type: what the call of `define` returns. */
  #hold(type: DefinedType, define: string, definition: Doc): void {
    const name = this.#nameOf(type);
    const exported = type === this.#root ? 'export ' : '';
    const head = type === this.#root ? allowShadowing(name).flatMap((text): Doc[] => [text, hardLine]) : [];
    const target = `${exported}const ${name}: ${this.#heldText(type)}`;
    this.#values.push([...head, assignment(target, define, definition), ';']);
  }

  /** Its name. */
  #nameOf(type: DefinedType): string {
    return type === this.#root ? typeName(type) : this.#constantOf(typePath(type).join('_'));
  }

  /** The name of the constant that holds an enum's members. */
  #membersOf(type: DefinedType): string {
    return this.#constantOf(`${typePath(type).join('_')}_members`);
  }

  #constantOf(wanted: string): string {
    const name = this.#constants.get(wanted) ?? this.#scope.declare(wanted);
    this.#constants.set(wanted, name);
    return name;
  }

  /** Its type. */
  #heldText(type: DefinedType): string {
    return this.#members(type).length > 0 ? `${this.#scope.type(type)}.Type` : this.#baseText(type);
  }

  #baseText(type: DefinedType): string {
    const path = this.#scope.type(type);
    switch (type.kind) {
      case 'enum':
        return `${this.#scope.ub('EnumType')}<typeof ${this.#membersOf(type)}>`;
      case 'interface':
        return `${this.#scope.ub('InterfaceType')}<${path}, ${path}.Handlers>`;
      default: {
        const base = type.kind === 'union' ? 'UnionType' : 'ParcelableType';
        return `${this.#scope.ub(base)}<${path}, ${path}.Init>`;
      }
    }
  }

  #members(type: DefinedType): Member[] {
    const constants = constantsOf(type).map(({ name, type: of, value, comments }): Member => {
      const text = valueText(value, of, this.#scope);
      return { name: constantName(type, name), comment: docComment(comments), type: text, value: text };
    });
    const nested = nestedTypesOf(type).map(
      (inner): Member => ({
        name: typeName(inner),
        comment: [],
        type: this.#heldText(inner),
        value: this.#nameOf(inner),
      }),
    );
    const taken = [...constants, ...nested].map(({ name }) => name);
    return [...constants, ...this.#frozen(type).filter(({ name }) => !taken.includes(name)), ...nested];
  }

  /** What a client compares with what an object says of itself. */
  #frozen(type: DefinedType): Member[] {
    if (type.kind !== 'interface') return [];
    const { version, hash } = this.#origin;
    const member = (name: string, comment: string, text: string): Member => ({
      name,
      comment: [`/** ${comment} */`, hardLine],
      type: text,
      value: text,
    });
    return [
      ...(version === undefined ? [] : [member('VERSION', 'The version of the interface.', `${version}`)]),
      ...(hash === undefined ? [] : [member('HASH', 'The hash of that version.', quote(hash))]),
    ];
  }
}

function isCommented(doc: Doc): doc is readonly Doc[] {
  return Array.isArray(doc);
}

/** `export interface Name {`; one without members is a type, as linters want it. */
function exportedInterface(name: string, members: readonly Doc[], empty: string): Doc {
  if (members.length === 0) return `export type ${name} = ${empty};`;
  return block(`export interface ${name}`, members);
}
