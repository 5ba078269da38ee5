import { type Severity, WARNINGS, type WarningName } from './diagnostics.ts';

const isWarning = (name: string): name is WarningName => Object.hasOwn(WARNINGS, name);

/**
 * What the -W options ask for: each is what stands behind the `W` (`everything`, `error`, a warning's name,
 * `no-` or `no-error=` and a name); their order does not matter, as in aidl. `disabled` is -w: no warnings.
 *
 * @throws RangeError naming a warning that does not exist
 */
export function warningLevels(options: readonly string[], disabled = false): Record<WarningName, Severity> {
  for (const option of options) {
    const name = option.replace(/^no-(error=)?/, '');
    if (name !== 'everything' && name !== 'error' && !isWarning(name)) {
      throw new RangeError(`unknown warning: ${name}`);
    }
  }
  const has = (option: string) => options.includes(option);
  const levels = {} as Record<WarningName, Severity>;
  for (const name of Object.keys(WARNINGS).filter(isWarning)) {
    const on = (has('everything') || has(name) || WARNINGS[name]) && !has(`no-${name}`) && !disabled;
    const fatal = has('error') && !has(`no-error=${name}`);
    levels[name] = !on ? 'off' : fatal ? 'error' : 'warning';
  }
  return levels;
}
