import { canonicalName, type DefinedType, methodsOf, type TypeSpecifier } from './ast.ts';

const JAVA_NAMES: Readonly<Record<string, string>> = {
  String: 'java.lang.String',
  CharSequence: 'java.lang.CharSequence',
  List: 'java.util.List',
  Map: 'java.util.Map',
  IBinder: 'android.os.IBinder',
  FileDescriptor: 'java.io.FileDescriptor',
  ParcelFileDescriptor: 'android.os.ParcelFileDescriptor',
  ParcelableHolder: 'android.os.ParcelableHolder',
};

/**
 * The methods of an interface as `--apimapping` writes them, two lines each: the signature in Java's types
 * (`p.IFoo|f|int,java.lang.String,|void`) and where the method is (`p/IFoo.aidl:3`). Empty for other types.
 */
export function apiMapping(type: DefinedType): string {
  if (type.kind !== 'interface') return '';
  const lines = methodsOf(type).map((method) => {
    const args = method.arguments.map((argument) => `${javaSignature(argument.type)},`).join('');
    const { file, begin } = method.location;
    const returned = javaSignature(method.type);
    return `${canonicalName(type)}|${method.name}|${args}|${returned}\n${file}:${begin.line}\n`;
  });
  return lines.join('');
}

function javaSignature(type: TypeSpecifier): string {
  const { definition } = type;
  const name = definition?.kind === 'enum' ? definition.backing!.name : (JAVA_NAMES[type.name] ?? type.name);
  const generic = type.parameters ? `<${type.parameters.map(javaSignature).join(',')}>` : '';
  const dimensions = type.array?.dimensions;
  const array = dimensions === 'dynamic' ? '[]' : '[]'.repeat(dimensions?.length ?? 0);
  return name + generic + array;
}
