// Written by `ubinder aidl` from ubinder/wire/Outer.aidl: change that, not this.
import * as ub from 'ubinder/runtime';

/** Has types of its own. */
export interface Outer {
  inner: Outer.Inner;
  mode: Outer.Mode;
  modes: Outer.Mode[];
  inside: ub.Ref<Outer.IInside> | null;
}

export namespace Outer {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    inner?: Outer.Inner.Init | undefined;
    mode?: Outer.Mode | undefined;
    modes?: ArrayLike<Outer.Mode> | undefined;
    inside?: ub.Ref<Outer.IInside> | null | undefined;
  }

  /** Within. */
  export interface Inner {
    innermost: Outer.Inner.Innermost;
    depth: number;
  }

  export namespace Inner {
    /** What is accepted for one: fields that have a default may be missing. */
    export interface Init {
      innermost?: Outer.Inner.Innermost.Init | undefined;
      depth?: number | undefined;
    }

    /** Within that. */
    export type Innermost = { tag: 'number'; value: number } | { tag: 'text'; value: string };

    export namespace Innermost {
      /** What is accepted for one. */
      export type Init = { tag: 'number'; value: number } | { tag: 'text'; value: string };

      export type Tag = ub.EnumValue<typeof Outer_Inner_Innermost_Tag_members>;

      /** Innermost itself, with its constants and the types in it. */
      export interface Type extends ub.UnionType<Outer.Inner.Innermost, Outer.Inner.Innermost.Init> {
        readonly Tag: ub.EnumType<typeof Outer_Inner_Innermost_Tag_members>;
      }
    }

    /** Inner itself, with its constants and the types in it. */
    export interface Type extends ub.ParcelableType<Outer.Inner, Outer.Inner.Init> {
      readonly DEPTH: 2;
      readonly Innermost: Outer.Inner.Innermost.Type;
    }
  }

  export type Mode = ub.EnumValue<typeof Outer_Mode_members>;

  export interface IInside {
    flip(mode: Outer.Mode, options?: ub.CallOptions): Promise<Outer.Mode>;
  }

  export namespace IInside {
    /** What an implementation is made of. */
    export interface Handlers {
      flip(mode: Outer.Mode, call: ub.Call): ub.Awaitable<Outer.Mode>;
    }
  }

  /** Outer itself, with its constants and the types in it. */
  export interface Type extends ub.ParcelableType<Outer, Outer.Init> {
    readonly Inner: Outer.Inner.Type;
    readonly Mode: ub.EnumType<typeof Outer_Mode_members>;
    readonly IInside: ub.InterfaceType<Outer.IInside, Outer.IInside.Handlers>;
  }
}

const Outer_Inner_Innermost_Tag_members = {
  number: 0,
  text: 1,
} as const;

const Outer_Inner_Innermost_Tag: ub.EnumType<typeof Outer_Inner_Innermost_Tag_members> = ub.defineEnum(
  'ubinder.wire.Outer.Inner.Innermost.Tag',
  'int',
  Outer_Inner_Innermost_Tag_members,
);

const Outer_Inner_Innermost: Outer.Inner.Innermost.Type = ub.withMembers(
  ub.defineUnion('ubinder.wire.Outer.Inner.Innermost', {
    format: 1,
    fields: [
      ['number', 'int'],
      ['text', 'String'],
    ],
  }),
  { Tag: Outer_Inner_Innermost_Tag },
);

const Outer_Inner: Outer.Inner.Type = ub.withMembers(
  ub.defineParcelable('ubinder.wire.Outer.Inner', {
    format: 1,
    fields: [
      ['innermost', () => Outer.Inner.Innermost],
      ['depth', 'int', 2],
    ],
  }),
  { DEPTH: 2, Innermost: Outer_Inner_Innermost },
);

const Outer_Mode_members = {
  OFF: 0,
  ON: 1,
} as const;

const Outer_Mode: ub.EnumType<typeof Outer_Mode_members> = ub.defineEnum(
  'ubinder.wire.Outer.Mode',
  'int',
  Outer_Mode_members,
);

const Outer_IInside: ub.InterfaceType<Outer.IInside, Outer.IInside.Handlers> = ub.defineInterface(
  'ubinder.wire.Outer.IInside',
  {
    format: 1,
    methods: {
      flip: { code: 1, args: [['mode', () => Outer.Mode]], returns: () => Outer.Mode },
    },
  },
);

export const Outer: Outer.Type = ub.withMembers(
  ub.defineParcelable('ubinder.wire.Outer', {
    format: 1,
    fields: [
      ['inner', () => Outer.Inner],
      ['mode', () => Outer.Mode, () => Outer.Mode.ON],
      ['modes', { array: () => Outer.Mode }, () => [Outer.Mode.ON, Outer.Mode.OFF]],
      ['inside', { nullable: () => Outer.IInside }],
    ],
  }),
  { Inner: Outer_Inner, Mode: Outer_Mode, IInside: Outer_IInside },
);
