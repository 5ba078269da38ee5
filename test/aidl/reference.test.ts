// docs/reference/aidl-typescript.md: what each construct of AIDL becomes, told by the compiler. `vitest -u` writes it anew.

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compile, formatDiagnostic, generateTypeScript } from '../../src/aidl/index.ts';

/** Other types that the examples mention. */
const OTHERS: Readonly<Record<string, string>> = {
  'p/Point.aidl': 'package p; parcelable Point { int x; int y; }',
  'p/Shape.aidl': 'package p; import p.Point; union Shape { int side; Point point; }',
  'p/Mode.aidl': 'package p; @Backing(type="int") enum Mode { OFF, ON }',
  'p/IEars.aidl': 'package p; interface IEars { }',
  'p/Own.aidl': 'package p; parcelable Own;',
};

/** The module that a file becomes. */
function moduleOf(path: string, text: string, given: { version?: number; hash?: string } = {}): string {
  const others = Object.keys(OTHERS).map((file) => ` import ${file.replace('/', '.').replace('.aidl', '')};`);
  const imported = text.replace('package p;', `package p;${others.join('')}`);
  const files: Readonly<Record<string, string>> = { ...OTHERS, [path]: imported };
  const compilation = compile(path, { read: (name) => files[name], includes: ['.'], ...given });
  const { document, diagnostics } = compilation;
  if (!document) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  const output = generateTypeScript(document, compilation);
  if (output.modules.length === 0) throw new Error(output.diagnostics.map(formatDiagnostic).join('\n'));
  return output.modules[0]!.text;
}

const TYPES = [
  ...['boolean', 'byte', 'char', 'int', 'long', 'float', 'double'],
  ...['String', '@utf8InCpp String', '@nullable String'],
  ...['boolean[]', 'byte[]', 'char[]', 'int[]', 'long[]', 'float[]', 'double[]', 'String[]'],
  ...['@nullable int[]', '@nullable String[]', 'int[3]', 'int[2][3]', 'String[2]'],
  ...['List<String>', '@nullable List<Point>', 'Map<String, String>'],
  ...['Mode', 'Mode[]', 'Point', '@nullable Point', '@nullable(heap=true) Point', 'Point[]', 'Shape', 'Own'],
  ...['IEars', '@nullable IEars', 'IBinder', '@nullable IBinder'],
  ...['FileDescriptor', 'ParcelFileDescriptor', '@nullable ParcelFileDescriptor', 'ParcelableHolder'],
];

/** A row: the type as values come, as they are accepted, and in the table. */
function row(type: string): string {
  const text = moduleOf('p/P.aidl', `package p; parcelable P { ${type} x; }`);
  const [decoded, encoded] = [...text.matchAll(/^ +(x\??: .*);$/gm)].map(([, found]) => found!);
  const table = /\['x', (.*)\]\],?$/m.exec(text)?.[1];
  const accepted = encoded!
    .replace('x?: ', '')
    .replace('x: ', '')
    .replace(/ \| undefined$/, '');
  const isRequired = encoded!.startsWith('x: ');
  const cell = (code: string) => `\`${code.replaceAll('|', '\\|')}\``;
  const came = cell(decoded!.replace('x: ', ''));
  const cells = [cell(type), came, accepted === decoded!.replace('x: ', '') ? 'the same' : cell(accepted)];
  return `| ${[...cells, isRequired ? 'no' : 'yes', cell(table!)].join(' | ')} |`;
}

/** An example: what is said of it, and the AIDL; the module is told below the imports. */
const EXAMPLES: [title: string, remark: string, path: string, aidl: string, given?: object][] = [
  [
    'Interfaces',
    'Callers see promises, with options behind the arguments; handlers see the call. `out T[]` appears as the length that the ' +
      'callee is to fill, and as a result; `inout` as both. Several results come as one object. `oneway` resolves when the ' +
      'call is queued.',
    'p/IThings.aidl',
    `package p;

/** Does things. */
interface IThings {
    const int MAX = 1 << 4;
    const long BIG = 1L << 40;

    /** Reads into a buffer. */
    int read(int from, out byte[] buffer);
    Point move(in Point by, inout Point from, out Point to);
    IEars listen(@nullable IEars ears);
    oneway void tell(String text);
    void later();
}`,
  ],
  [
    'Parcelables',
    'Decoded values have every field. For encoding, fields that have a default may be missing. Types nested inside, and ' +
      'constants, are properties.',
    'p/Order.aidl',
    `package p;

parcelable Order {
    const String KIND = "order";
    parcelable Item {
        String name;
        int count = 1;
    }
    Item[] items;
    Mode mode = Mode.ON;
    int[] sizes = {1, 2};
    IEars ears;
    @nullable(heap=true) Order next;
}`,
  ],
  [
    'Unions',
    'A value is `{ tag, value }`.',
    'p/Result.aidl',
    `package p;

union Result {
    int code = -1;
    String text;
    Point[] points;
}`,
  ],
  [
    'Enums',
    'The members are properties. Enums are open: other values of the backing type pass, so that a newer version can have more.',
    'p/Level.aidl',
    `package p;

@Backing(type="long")
enum Level {
    LOW,
    /** Beyond most. */
    HIGH = 1L << 33,
}`,
  ],
  [
    'Annotations that travel',
    '`@Descriptor`, `@VintfStability`, `@SensitiveData` (buffers are cleared), `@EnforcePermission` (asked of `checkPermission`, ' +
      'given to `implement`), and the version and hash of `-v 2 --hash=abc`.',
    'p/IGuarded.aidl',
    `package p;

@SensitiveData @Descriptor(value="old.name.IGuarded")
interface IGuarded {
    @EnforcePermission("INTERNET")
    void one();
    @EnforcePermission(anyOf={"INTERNET", "com.example.OWN"})
    void two();
}`,
    { version: 2, hash: 'abc' },
  ],
  [
    'Names that mean something else',
    'Where a name of AIDL has a meaning of its own in TypeScript it gets a `_`, and the compiler warns.',
    'p/INames.aidl',
    `package p;

interface INames {
    void then(int var, int options);
    int toString();
}`,
  ],
];

it('is what the compiler says', async () => {
  const examples = EXAMPLES.map(([title, remark, path, aidl, given]) => {
    const text = moduleOf(path, aidl, given);
    const body = text.slice(text.indexOf('\n\n') + 2).trimEnd();
    return `## ${title}\n\n${remark}\n\n\`\`\`aidl\n${aidl}\n\`\`\`\n\n\`\`\`ts\n${body}\n\`\`\`\n`;
  });
  const page = `# AIDL in TypeScript

<!-- Written by test/aidl/reference.test.ts: \`npx vitest run test/aidl/reference.test.ts -u\` -->

What \`ubinder aidl\` makes of each construct. \`ub\` is \`ubinder/runtime\`.

## Types

\`Point\` is a parcelable, \`Shape\` a union, \`Mode\` an enum, \`IEars\` an interface, \`Own\` a parcelable that is only declared
(\`parcelable Own;\`): its module is written by hand, with \`ub.defineCustomParcelable\`. A value comes as the second column says: to
handlers as an argument, to callers as a result; the third is what is accepted in the other direction. A field of a type that
has a default may be missing from what is encoded.

| AIDL | TypeScript, decoded | accepted for encoding | has a default | in the table |
| --- | --- | --- | --- | --- |
${TYPES.map(row).join('\n')}

\`CharSequence\`, \`List\` without a type, and a \`Map\` of parcelables, interfaces or enums are Java's alone: the compiler refuses them.

${examples.join('\n')}`;
  await expect(page).toMatchFileSnapshot(
    fileURLToPath(new URL('../../docs/reference/aidl-typescript.md', import.meta.url)),
  );
});
