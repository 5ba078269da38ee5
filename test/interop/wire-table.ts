// IWire for programs on libraries that know no AIDL: its methods and types as text. And what only the AIDL of some languages has.

import {
  type CallOptions,
  defineInterface,
  type FileDescriptor,
  type InterfaceTable,
  type InterfaceType,
  type MethodTable,
  type NamedType,
  spec,
  type TypeSpec,
} from 'ubinder/runtime';
import { IWire } from '../aidl/wire/generated/ubinder/wire/IWire.ts';

const { format, methods } = IWire[spec] as InterfaceTable;

/** An IWire that has more than Rust can have. */
export interface IWiderWire extends IWire {
  echoMap(value: Map<string, unknown>, options?: CallOptions): Promise<Map<string, unknown>>;
  echoMaybeMap(
    value: Map<string, unknown> | null,
    options?: CallOptions,
  ): Promise<Map<string, unknown> | null>;
  echoDescriptor(value: FileDescriptor, options?: CallOptions): Promise<FileDescriptor>;
}

export const IWiderWire: InterfaceType<IWiderWire> = defineInterface(IWire.descriptor, {
  format,
  methods: {
    ...methods,
    echoMap: { code: 1000, args: [['value', 'Map']], returns: 'Map' },
    echoMaybeMap: { code: 1001, args: [['value', { nullable: 'Map' }]], returns: { nullable: 'Map' } },
    echoDescriptor: { code: 1002, args: [['value', 'FileDescriptor']], returns: 'FileDescriptor' },
  },
});

const LETTERS: Readonly<Record<string, string>> = {
  boolean: 'z',
  byte: 'b',
  char: 'c',
  int: 'i',
  long: 'l',
  float: 'f',
  double: 'd',
  String: 's',
  IBinder: 'o',
  FileDescriptor: 'h',
  ParcelFileDescriptor: 'p',
  ParcelableHolder: 'H',
  Map: 'M',
};

/**
 * The methods and types of {@link IWiderWire}, a line for each:
 *
 * ```
 *   p DESCRIPTOR TYPES             a parcelable by its fields
 *   u DESCRIPTOR TYPES             a union by its members
 *   m CODE KIND REQUEST REPLY      a method by the types of what travels, `-` for nothing; of KIND sync, oneway or target: that
 *                                  whose argument is whom to pass calls on to
 * ```
 *
 * A type is a letter of {@link LETTERS}, `n` (how long an `out` array is to be) or `{NUMBER}` (the line of that number, from 0). In front of
 * a type `?` is nullable, `[` an array or List of it, `NUMBER*` so many.
 */
export function wireTable(): string {
  const names = new Map<string, number>();
  const lines: string[] = [];

  const text = (type: TypeSpec): string => {
    if (typeof type === 'string') return LETTERS[type]!;
    if (typeof type === 'function') return named(type());
    if ('nullable' in type) return `?${text(type.nullable)}`;
    if ('list' in type) return `[${text(type.list)}`;
    if ('map' in type) return LETTERS.Map!;
    return type.length === undefined ? `[${text(type.array)}` : `${type.length}*${text(type.array)}`;
  };

  function named(type: NamedType): string {
    const one = type[spec];
    if (one.kind === 'enum') return LETTERS[one.backing]!;
    if (one.kind === 'interface') return LETTERS.IBinder!;
    if (one.kind === 'custom') throw new Error(`${one.descriptor} is not AIDL's to describe`);
    let number = names.get(one.descriptor);
    if (number === undefined) {
      number = lines.push('') - 1;
      names.set(one.descriptor, number);
      lines[number] =
        `${one.kind[0]} ${one.descriptor} ${one.fields.map(([, field]) => text(field)).join('')}`;
    }
    return `{${number}}`;
  }

  function method(name: string, { code, oneway, args = [], returns }: MethodTable): string {
    const request = args.map(([, type, direction = 'in']) => {
      if (direction !== 'out') return text(type);
      const inner = typeof type === 'object' && 'nullable' in type ? type.nullable : type;
      return typeof inner === 'object' && 'array' in inner && inner.length === undefined ? 'n' : '';
    });
    const reply = [
      returns === undefined ? '' : text(returns),
      ...args.map(([, type, direction = 'in']) => (direction === 'in' ? '' : text(type))),
    ];
    const kind = name === 'passOn' ? 'target' : oneway ? 'oneway' : 'sync';
    return `m ${code} ${kind} ${request.join('') || '-'} ${reply.join('') || '-'}`;
  }

  const table = IWiderWire[spec] as InterfaceTable;
  const described = Object.entries(table.methods).map(([name, one]) => method(name, one));
  return [...lines, ...described, ''].join('\n');
}
