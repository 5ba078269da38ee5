// SPDX-License-Identifier: Apache-2.0

/** What IEcho.turn makes of its argument. */
export function turned(kinds) {
  return {
    yes: !kinds.yes,
    tiny: -kinds.tiny,
    letter: String.fromCharCode(kinds.letter.charCodeAt(0) + 1),
    number: -kinds.number,
    large: -kinds.large,
    ratio: kinds.ratio * 2,
    exact: kinds.exact / 2,
    text: `${kinds.text}!`,
    maybe: kinds.maybe === null ? 'was null' : null,
    bytes: [...kinds.bytes].reverse(),
    numbers: [...kinds.numbers].reverse(),
    texts: [...kinds.texts].reverse(),
  };
}
