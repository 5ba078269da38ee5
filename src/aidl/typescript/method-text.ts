import { type Annotation, type Argument, type DefinedType, findAnnotation, type Method } from '../ast.ts';
import { docComment } from './doc-comment.ts';
import { array, type Doc, group, object, parameters, typeLiteral } from './layout.ts';
import type { ModuleScope } from './module-scope.ts';
import { localName, methodName } from './names.ts';
import { type Side, typeSpec, typeText } from './type-text.ts';
import { propertyKey, quote } from './value-text.ts';

const opposite = (side: Side): Side => (side === 'decoded' ? 'encoded' : 'decoded');

/** An `out T[]` is told its length; other `out` arguments do not travel to the callee. */
const isLength = ({ direction, type }: Argument): boolean =>
  direction === 'out' && type.array?.dimensions === 'dynamic';

/** The method as callers see it, with its comment. */
export function callerSignature(method: Method, scope: ModuleScope): Doc {
  const last = (taken: Set<string>): string => `${localName('options', taken)}?: ${scope.ub('CallOptions')}`;
  return [
    ...docComment(method.comments),
    signatureText(method, 'encoded', last, scope.global('Promise'), scope),
  ];
}

/** The method as it is implemented. */
export function handlerSignature(method: Method, scope: ModuleScope): Doc {
  const last = (taken: Set<string>): string => `${localName('call', taken)}: ${scope.ub('Call')}`;
  return signatureText(method, 'decoded', last, scope.ub('Awaitable'), scope);
}

/** @param side - of the arguments; the results are of the other */
function signatureText(
  method: Method,
  side: Side,
  last: (taken: Set<string>) => string,
  promise: string,
  scope: ModuleScope,
): Doc {
  const shown = method.arguments.filter((argument) => argument.direction !== 'out' || isLength(argument));
  const taken = new Set<string>();
  const names = new Map<Argument, string>();
  for (const kind of [false, true]) {
    for (const argument of shown) {
      if (isLength(argument) !== kind) continue;
      const name = localName(kind ? `${argument.name}Length` : argument.name, taken);
      taken.add(name);
      names.set(argument, name);
    }
  }
  const docs = shown.map((argument) => {
    const type = isLength(argument) ? 'number' : typeText(argument.type, side, scope);
    return `${names.get(argument)}: ${type}`;
  });
  return group([
    propertyKey(methodName(method.name)),
    parameters([...docs, last(taken)]),
    `: ${promise}<`,
    resultText(method, opposite(side), scope),
    '>;',
  ]);
}

function resultText(method: Method, side: Side, scope: ModuleScope): Doc {
  const returns = method.type.name !== 'void' || method.type.array !== undefined;
  const results = method.arguments.filter(({ direction }) => direction !== 'in');
  const types = results.map(({ type }) => typeText(type, side, scope));
  if (returns) types.unshift(typeText(method.type, side, scope));
  if (types.length === 0) return 'void';
  if (types.length === 1) return types[0]!;
  const keys = results.map(({ name }) => (returns && name === 'result' ? 'result_' : name));
  if (returns) keys.unshift('result');
  return typeLiteral(types.map((type, i) => `${propertyKey(keys[i]!)}: ${type}`));
}

/** The method in the interface's table. */
export function methodTable(method: Method, owner: DefinedType, scope: ModuleScope): Doc {
  const entries: Doc[] = [`code: ${method.id + 1}`];
  if (method.oneway) entries.push('oneway: true');
  if (method.arguments.length > 0) {
    const args = method.arguments.map(({ name, type, direction }) =>
      array([quote(name), typeSpec(type, scope), ...(direction === 'in' ? [] : [quote(direction)])]),
    );
    entries.push(['args: ', array(args, args.length > 1)]);
  }
  if (method.type.name !== 'void') entries.push(['returns: ', typeSpec(method.type, scope)]);
  const permission = permissionSpec(findAnnotation(method.type, 'EnforcePermission') ?? ofInterface(owner));
  if (permission) entries.push(['permission: ', permission]);
  return [propertyKey(methodName(method.name)), ': ', object(entries)];
}

const ofInterface = (owner: DefinedType): Annotation | undefined =>
  findAnnotation(owner, 'EnforcePermission');

function permissionSpec(annotation: Annotation | undefined): Doc | undefined {
  if (!annotation) return undefined;
  const { parameters: given } = annotation;
  // `INTERNET` is short for the platform's own permission.
  const full = (text: string): string => {
    const name = text.slice(1, -1);
    return quote(name.includes('.') ? name : `android.permission.${name}`);
  };
  const several = (key: string): Doc => array(given.get(key)!.parts.map(({ text }) => full(text)));
  if (given.has('allOf')) return object([['all: ', several('allOf')]]);
  if (given.has('anyOf')) return object([['any: ', several('anyOf')]]);
  return given.has('value') ? full(given.get('value')!.text) : undefined;
}
