// An implementation of IWire, and calls of it with random values.

import fc from 'fast-check';
import { type ArgumentSpec, type MethodTable, type Ref, ServiceSpecificError, spec } from 'ubinder/runtime';
import { expect } from 'vitest';
import { IWire } from './generated/ubinder/wire/IWire.ts';
import { type Objects, plain, valuesOf } from './values.ts';

type Table = Readonly<Record<string, MethodTable>>;

const methods: Table = (IWire[spec] as unknown as { methods: Table }).methods;

/** What an IWire does: `echo…` returns its argument; `swap…` exchanges `both` and `given`. */
export function wireHandlers(): IWire.Handlers {
  const handlers: Record<string, unknown> = {
    tellLater: (callback: Parameters<IWire.Handlers['tellLater']>[0], text: string) => callback.tell(text),
    callBack: (callback: Parameters<IWire.Handlers['callBack']>[0], value: number) => callback.twice(value),
    fail(code: number, message: string): never {
      throw new ServiceSpecificError(code, message);
    },
    nothing() {},
    then_: (options: number, call: number) => options - call,
    toString_: (numbers: Int32Array, result: number) => numbers.length + result,
    passOn() {},
  };
  for (const [name, { args = [] }] of Object.entries(methods)) {
    if (name.startsWith('echo')) handlers[name] = (value: unknown) => value;
    if (!name.startsWith('swap')) continue;
    const parameters = parametersOf(args);
    handlers[name] = (...values: unknown[]) => {
      const given = values[parameters.indexOf('given')];
      return { result: values[parameters.indexOf('both')], fresh: given, both: given };
    };
  }
  return handlers as unknown as IWire.Handlers;
}

/** The parameters that the methods of IWire have, by name; an `out` array is there by its length. */
function parametersOf(args: readonly ArgumentSpec[]): string[] {
  return args.flatMap(([name, type, direction = 'in']) => {
    if (direction !== 'out') return [name];
    const inner = typeof type === 'object' && 'nullable' in type ? type.nullable : type;
    const isDynamic = typeof inner === 'object' && 'array' in inner && inner.length === undefined;
    return isDynamic ? [`${name}Length`] : [];
  });
}

/** Of the arguments whose bytes are in golden-bytes.json. */
export const GOLDEN_SEED = 3;

/** The transaction code of a method. */
export const codeOf = (name: string): number => methods[name]!.code;

/** The methods that are called with random values. */
export const randomMethods: readonly string[] = Object.keys(methods).filter((name) =>
  /^(echo|swap)/.test(name),
);

/** Random arguments of one of {@link randomMethods}, in the order of its parameters. */
export function argumentsOf(name: string, objects: Objects): fc.Arbitrary<unknown[]> {
  const args = methods[name]!.args!;
  return fc.tuple(
    ...parametersOf(args).map((parameter) => {
      const [, type] = args.find(([argument]) => argument === parameter.replace(/Length$/, ''))!;
      if (parameter.endsWith('Length')) {
        const isNullable = typeof type === 'object' && 'nullable' in type;
        return fc.integer({ min: isNullable ? -1 : 0, max: 10 });
      }
      return valuesOf(type, objects);
    }),
  );
}

/** Calls a method of {@link randomMethods}, and expects what {@link wireHandlers} do. */
export async function expectAnswer(
  wire: Ref<IWire>,
  name: string,
  values: readonly unknown[],
  objects: Objects,
): Promise<void> {
  const { args = [], returns } = methods[name]!;
  const call = (wire as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>)[name]!;
  const answer = await call.apply(wire, [...values]);
  const parameters = parametersOf(args);
  const sent = (parameter: string) => {
    const [, type] = args.find(([argument]) => argument === parameter)!;
    return plain(type, values[parameters.indexOf(parameter)], objects);
  };
  if (name.startsWith('echo')) {
    expect(plain(returns!, answer, objects)).toEqual(sent('value'));
    return;
  }
  const { result, fresh, both } = answer as Record<string, unknown>;
  expect({
    result: plain(returns!, result, objects),
    fresh: plain(returns!, fresh, objects),
    both: plain(returns!, both, objects),
  }).toEqual({ result: sent('both'), fresh: sent('given'), both: sent('given') });
}
