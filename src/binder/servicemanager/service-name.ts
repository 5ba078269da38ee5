/** Characters that a name of a service has at most. */
const MAX_LENGTH = 127;

/** Whether Android's service manager takes this as a name: letters, digits and `_ - . /`, 1 to 127 of them. */
export function isServiceName(name: string): boolean {
  return name.length <= MAX_LENGTH && /^[a-zA-Z0-9_./-]+$/.test(name);
}

/** The two parts of the name of a declared service: `some.package.IFoo/default`. `null` for names of another kind. */
export function parseInstance(name: string): { interfaceName: string; instance: string } | null {
  const slash = name.indexOf('/');
  if (slash < 0 || !name.slice(0, slash).includes('.')) return null;
  return { interfaceName: name.slice(0, slash), instance: name.slice(slash + 1) };
}
